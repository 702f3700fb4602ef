//! The rules that can match a request.

use std::net::IpAddr;

use ipnet::IpNet;

use super::attribute::Attribute;
use super::hash::Hash;
use super::keys::{Kind, block_hash};
use super::{Dimension, Index};
use crate::Attributes;
use crate::authn::Identity;
use crate::json::Value;
use crate::policy::{AddressOf, find_claim};

/// Gets the positions of rules, ascending.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(&[u32]);

const SCHEME: &str = "spiffe://";

/// One look-up.
struct Lookup<'a, 'v> {
    index: &'a Index,
    attrs: &'a dyn Attributes,
    identity: Option<&'a Identity>,
    visit: Visit<'v>,
}

impl Index {
    /// Visits every rule that can match the request; some more than once, and some that do not
    /// match. `false` when the host did not provide an address or port that was to be looked up:
    /// of rules that want it, none was visited.
    pub(crate) fn candidates(
        &self,
        attrs: &dyn Attributes,
        identity: Option<&Identity>,
        visit: Visit<'_>,
    ) -> bool {
        let mut lookup = Lookup {
            index: self,
            attrs,
            identity,
            visit,
        };
        lookup.visit(&self.always);
        let mut complete = true;
        for dimension in &self.dimensions {
            complete &= lookup.dimension(dimension).is_some();
        }
        complete
    }
}

impl Lookup<'_, '_> {
    /// Looks up the request's values; `None` when the host did not provide what has to be there.
    fn dimension(&mut self, dimension: &Dimension) -> Option<()> {
        let attrs = self.attrs;
        let peer = || attrs.peer().map(|peer| &**peer);
        let spiffe = || attrs.peer()?.strip_prefix(SCHEME);
        match &dimension.attribute {
            Attribute::Peer => self.values(dimension, peer()),
            Attribute::Principal => self.values(dimension, spiffe()),
            Attribute::TrustDomain => {
                let domain = spiffe().and_then(|name| name.split_once('/'));
                self.values(dimension, domain.map(|(domain, _)| domain));
            }
            Attribute::Namespace => self.values(dimension, after(peer(), "/ns/")),
            Attribute::Account => self.values(dimension, after(peer(), "/sa/")),
            Attribute::Address(whose) => {
                let whose = match whose {
                    0 => AddressOf::Source,
                    1 => AddressOf::Remote,
                    _ => AddressOf::Destination,
                };
                self.address(dimension, whose.read(attrs)?);
            }
            Attribute::Port => {
                let port = attrs.destination_port()?.to_be_bytes();
                self.values(dimension, Some(port));
            }
            Attribute::Sni => self.values(dimension, attrs.sni()),
            Attribute::Host => self.values(dimension, attrs.headers().get_all(":authority")),
            Attribute::Path => self.values(dimension, attrs.headers().path()),
            Attribute::Method => self.values(dimension, attrs.headers().method()),
            Attribute::Header(name) => self.values(dimension, attrs.headers().get_all(name)),
            Attribute::Issuer => {
                let issuer = self
                    .identity
                    .and_then(|identity| identity.issuer.as_deref());
                self.values(dimension, issuer);
            }
            Attribute::Subject => {
                let subject = self
                    .identity
                    .and_then(|identity| identity.subject.as_deref());
                self.values(dimension, subject);
            }
            Attribute::Claim(path) => {
                let claim = self
                    .identity
                    .and_then(|identity| find_claim(&identity.claims, path));
                let list =
                    claim.map(|value| value.as_list().unwrap_or(std::slice::from_ref(value)));
                let texts = list.into_iter().flatten().filter_map(Value::as_str);
                self.values(dimension, texts);
            }
        }
        Some(())
    }

    fn values<V: AsRef<[u8]>>(
        &mut self,
        dimension: &Dimension,
        values: impl IntoIterator<Item = V>,
    ) {
        for value in values {
            self.value(dimension, value.as_ref());
        }
    }

    fn value(&mut self, dimension: &Dimension, value: &[u8]) {
        self.visit(&dimension.any);
        let fold = dimension.attribute.ignores_case();
        let byte = |byte: &u8| {
            if fold {
                byte.to_ascii_lowercase()
            } else {
                *byte
            }
        };
        let whole = self.parts(dimension, Kind::Prefix, value.iter().map(byte));
        self.bucket(dimension, Kind::Exact, whole);
        if !dimension.suffixes.is_empty() {
            self.parts(dimension, Kind::Suffix, value.iter().rev().map(byte));
        }
    }

    /// Looks up the beginnings of `bytes`; the hash of all of them.
    fn parts(
        &mut self,
        dimension: &Dimension,
        kind: Kind,
        mut bytes: impl Iterator<Item = u8>,
    ) -> Hash {
        let lens = match kind {
            Kind::Suffix => &dimension.suffixes,
            _ => &dimension.prefixes,
        };
        let (mut hash, mut hashed) = (Hash::EMPTY, 0);
        for len in lens {
            while hashed < *len {
                let Some(byte) = bytes.next() else {
                    return hash;
                };
                hash = hash.then(byte);
                hashed = hashed.saturating_add(1);
            }
            self.bucket(dimension, kind, hash);
        }
        bytes.fold(hash, Hash::then)
    }

    /// Looks up the blocks around an address, in both forms of a mapped one.
    fn address(&mut self, dimension: &Dimension, address: IpAddr) {
        self.blocks(dimension, address);
        let canonical = address.to_canonical();
        if canonical != address {
            self.blocks(dimension, canonical);
        }
    }

    fn blocks(&mut self, dimension: &Dimension, address: IpAddr) {
        for len in &dimension.blocks {
            let net = u8::try_from(*len).ok().map(|len| IpNet::new(address, len));
            if let Some(Ok(net)) = net {
                self.bucket(dimension, Kind::Block, block_hash(&net));
            }
        }
    }

    fn bucket(&mut self, dimension: &Dimension, kind: Kind, hash: Hash) {
        let key = hash.key(dimension.number, kind as u64);
        self.visit(self.index.bucket(key));
    }

    /// Most look-ups find nothing.
    fn visit(&mut self, rules: &[u32]) {
        if !rules.is_empty() {
            (self.visit)(rules);
        }
    }
}

/// What follows `mark` in `name`, up to the next slash, wherever it does.
fn after<'n>(name: Option<&'n str>, mark: &'n str) -> impl Iterator<Item = &'n str> {
    let name = name.unwrap_or_default();
    let slashes = name.match_indices('/').filter_map(|(at, _)| name.get(at..));
    slashes.filter_map(move |rest| rest.strip_prefix(mark)?.split('/').next())
}
