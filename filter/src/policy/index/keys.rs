//! The keys of a clause: values one of which a request has if the clause holds.

use ipnet::IpNet;

use super::attribute::Attribute;
use super::hash::Hash;
use crate::policy::{Clause, PathPattern, PeerPattern, Test, TextPattern};

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Whatever it is.
    Any,
    Exact,
    Prefix,
    Suffix,
    /// As an address in a block.
    Block,
}

/// One value in one dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) dimension: u64,
    pub(super) kind: Kind,
    pub(super) hash: u64,
    /// Bytes of a prefix or suffix, bits of a block.
    pub(super) len: usize,
}

/// Says by which number an attribute goes.
pub(super) type Number<'a> = &'a mut dyn FnMut(Attribute) -> u64;

/// For each value of the clause the keys one of which is enough.
pub(super) fn of(clause: &Clause, number: Number<'_>) -> Vec<Vec<Key>> {
    let mut texts = |attribute: Attribute, patterns: &[TextPattern]| -> Vec<Vec<Key>> {
        let dimension = number(attribute);
        let keys = patterns
            .iter()
            .map(|pattern| vec![text(dimension, pattern)]);
        keys.collect()
    };
    match &clause.test {
        Test::Peer(patterns) => patterns
            .iter()
            .map(|pattern| peer(pattern, number))
            .collect(),
        Test::Address(whose, nets) => {
            let dimension = number(Attribute::address(*whose));
            nets.iter().map(|net| vec![block(dimension, net)]).collect()
        }
        Test::Port(ports) => {
            let dimension = number(Attribute::Port);
            let key = |port: &u16| vec![exact(dimension, Hash::of(port.to_be_bytes()))];
            ports.iter().map(key).collect()
        }
        Test::Sni(patterns) => texts(Attribute::Sni, patterns),
        Test::Host(patterns) => {
            let dimension = number(Attribute::Host);
            let keys = patterns
                .iter()
                .map(|host| vec![text(dimension, host.lower_case())]);
            keys.collect()
        }
        Test::Path(patterns) => {
            let dimension = number(Attribute::Path);
            let keys = patterns.iter().map(|pattern| match pattern {
                PathPattern::Text(pattern) => vec![text(dimension, pattern)],
                PathPattern::Template(template) => vec![prefix(dimension, template.start())],
            });
            keys.collect()
        }
        Test::Method(patterns) => texts(Attribute::Method, patterns),
        Test::Header(name, patterns) => texts(Attribute::Header(name.clone()), patterns),
        Test::RequestPrincipal(patterns) => {
            let (issuer, subject) = (number(Attribute::Issuer), number(Attribute::Subject));
            let keys = patterns.iter().map(|pattern| {
                vec![
                    text(subject, pattern.subject()),
                    text(issuer, pattern.issuer()),
                ]
            });
            keys.collect()
        }
        Test::Claim(path, patterns) => texts(Attribute::Claim(path.clone()), patterns),
        Test::Metadata(..) => Vec::new(),
    }
}

fn peer(pattern: &PeerPattern, number: Number<'_>) -> Vec<Key> {
    let mut segment = |attribute: Attribute, value: &str| {
        let dimension = number(attribute);
        exact(dimension, Hash::of(value.bytes()))
    };
    match pattern {
        PeerPattern::Principal(pattern) => vec![text(number(Attribute::Principal), pattern)],
        PeerPattern::TrustDomain(pattern) => vec![text(number(Attribute::TrustDomain), pattern)],
        PeerPattern::Namespace(pieces) => match pieces.as_slice() {
            [whole] if inner(whole).is_some() => {
                let namespace = inner(whole).unwrap_or_default();
                vec![segment(Attribute::Namespace, namespace)]
            }
            _ => vec![any(number(Attribute::Peer))],
        },
        PeerPattern::ServiceAccount { namespace, account } => {
            let mut keys = Vec::new();
            if let Some(namespace) = inner(namespace) {
                keys.push(segment(Attribute::Namespace, namespace));
            }
            if let Some(account) = account
                .strip_prefix("sa/")
                .filter(|name| !name.contains('/'))
            {
                keys.push(segment(Attribute::Account, account));
            }
            if keys.is_empty() {
                keys.push(any(number(Attribute::Peer)));
            }
            keys
        }
        PeerPattern::Named | PeerPattern::Spiffe => vec![any(number(Attribute::Peer))],
    }
}

/// The namespace of `/ns/<namespace>/`, unless it holds slashes.
fn inner(around: &str) -> Option<&str> {
    let namespace = around.strip_prefix("/ns/")?.strip_suffix('/')?;
    (!namespace.contains('/')).then_some(namespace)
}

fn text(dimension: u64, pattern: &TextPattern) -> Key {
    match pattern {
        TextPattern::Any | TextPattern::NonEmpty => any(dimension),
        TextPattern::Prefix(text) | TextPattern::Suffix(text) if text.is_empty() => any(dimension),
        TextPattern::Exact(text) => exact(dimension, Hash::of(text.iter().copied())),
        TextPattern::Prefix(text) => prefix(dimension, text),
        TextPattern::Suffix(text) => {
            let hash = Hash::of(text.iter().rev().copied());
            key(dimension, Kind::Suffix, hash, text.len())
        }
    }
}

fn any(dimension: u64) -> Key {
    key(dimension, Kind::Any, Hash::EMPTY, 0)
}

fn exact(dimension: u64, hash: Hash) -> Key {
    key(dimension, Kind::Exact, hash, 0)
}

fn prefix(dimension: u64, text: &[u8]) -> Key {
    let hash = Hash::of(text.iter().copied());
    key(dimension, Kind::Prefix, hash, text.len())
}

fn block(dimension: u64, net: &IpNet) -> Key {
    let len = usize::from(net.prefix_len());
    key(dimension, Kind::Block, block_hash(net), len)
}

/// The hash of a block: its family, length and network.
pub(super) fn block_hash(net: &IpNet) -> Hash {
    let hash = Hash::EMPTY.then(net.prefix_len());
    match net.trunc() {
        IpNet::V4(net) => net
            .network()
            .octets()
            .into_iter()
            .fold(hash.then(4), Hash::then),
        IpNet::V6(net) => net
            .network()
            .octets()
            .into_iter()
            .fold(hash.then(6), Hash::then),
    }
}

fn key(dimension: u64, kind: Kind, hash: Hash, len: usize) -> Key {
    Key {
        dimension,
        kind,
        hash: hash.key(dimension, kind as u64),
        len,
    }
}
