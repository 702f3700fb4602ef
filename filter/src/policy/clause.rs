//! One compiled clause: an attribute and the values that it wants.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{
    HostPattern, Needs, PathPattern, PeerPattern, RequestPrincipalPattern, TextPattern, address,
};
use crate::Attributes;
use crate::authn::Identity;
use crate::json::{Map, Value};

/// One compiled clause of a rule.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Where it stands below `spec`.
    pub path: Box<str>,
    /// Whether it wants none of the values.
    pub negated: bool,
    /// The values as they are written.
    pub values: Box<[String]>,
    /// What it asks.
    pub test: Test,
}

/// What a clause asks: whether one value of the attribute matches one of the patterns.
#[derive(Clone, Debug)]
pub enum Test {
    /// The peer's name.
    Peer(Vec<PeerPattern>),
    /// An address.
    Address(AddressOf, Vec<IpNet>),
    /// The port that the connection arrived on.
    Port(Vec<u16>),
    /// The server name of the TLS handshake.
    Sni(Vec<TextPattern>),
    /// `:authority`
    Host(Vec<HostPattern>),
    /// The path without query and fragment.
    Path(Vec<PathPattern>),
    /// `:method`
    Method(Vec<TextPattern>),
    /// A header; each of its values counts by itself.
    Header(Box<str>, Vec<TextPattern>),
    /// Issuer and subject of the verified token.
    RequestPrincipal(Vec<RequestPrincipalPattern>),
    /// A claim of the verified token.
    Claim(Box<[String]>, Vec<TextPattern>),
    /// Dynamic metadata of another filter.
    Metadata(Box<str>, [String; 1], Vec<MetadataPattern>),
}

/// Whose address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressOf {
    /// The direct peer.
    Source,
    /// The original client.
    Remote,
    /// The workload.
    Destination,
}

/// A pattern for dynamic metadata.
#[derive(Clone, Debug)]
pub enum MetadataPattern {
    /// A string that matches.
    Text(TextPattern),
    /// A list with a string that matches.
    Element(TextPattern),
}

// === impl Clause ===

impl Clause {
    /// Whether the clause holds; `None` when the host did not provide what has to be there, so
    /// that neither the clause nor its negation can be said to hold.
    pub fn holds(&self, attrs: &impl Attributes, identity: Option<&Identity>) -> Option<bool> {
        Some(self.test.matches(attrs, identity)? != self.negated)
    }
}

// === impl Test ===

impl Test {
    /// What it reads.
    pub fn needs(&self) -> Needs {
        match self {
            Self::Peer(_) => Needs::PEER,
            Self::Address(AddressOf::Source, _) => Needs::SOURCE_IP,
            Self::Address(AddressOf::Remote, _) => Needs::REMOTE_IP,
            Self::Address(AddressOf::Destination, _) => Needs::DESTINATION_IP,
            Self::Port(_) => Needs::DESTINATION_PORT,
            Self::Sni(_) => Needs::SNI,
            Self::Host(_) | Self::Path(_) | Self::Method(_) | Self::Header(..) => Needs::HEADERS,
            Self::RequestPrincipal(_) | Self::Claim(..) => Needs::IDENTITY,
            Self::Metadata(..) => Needs::METADATA,
        }
    }

    /// Whether a value of the attribute matches one of the patterns; an attribute that is not
    /// there has none. `None` for an address or a port that the host did not provide.
    fn matches(&self, attrs: &impl Attributes, identity: Option<&Identity>) -> Option<bool> {
        let headers = || attrs.headers();
        Some(match self {
            Self::Peer(patterns) => attrs
                .peer()
                .is_some_and(|name| patterns.iter().any(|pattern| pattern.matches(name))),
            Self::Address(whose, nets) => {
                let address = whose.read(attrs)?;
                nets.iter().any(|net| address::contains(net, address))
            }
            Self::Port(ports) => ports.contains(&attrs.destination_port()?),
            Self::Sni(patterns) => attrs.sni().is_some_and(|name| any(patterns, name)),
            Self::Host(patterns) => headers()
                .get_all(":authority")
                .any(|host| patterns.iter().any(|pattern| pattern.matches(host))),
            Self::Path(patterns) => headers()
                .path()
                .is_some_and(|path| patterns.iter().any(|pattern| pattern.matches(path))),
            Self::Method(patterns) => headers()
                .method()
                .is_some_and(|method| any(patterns, method)),
            Self::Header(name, patterns) => {
                headers().get_all(name).any(|value| any(patterns, value))
            }
            Self::RequestPrincipal(patterns) => identity
                .is_some_and(|identity| patterns.iter().any(|pattern| pattern.matches(identity))),
            Self::Claim(path, patterns) => identity
                .and_then(|identity| find_claim(&identity.claims, path))
                .is_some_and(|value| claim_matches(value, patterns)),
            Self::Metadata(filter, path, patterns) => attrs
                .metadata(filter, path)
                .is_some_and(|value| patterns.iter().any(|pattern| pattern.matches(&value))),
        })
    }
}

// === impl AddressOf ===

impl AddressOf {
    /// Reads the address.
    pub fn read(self, attrs: &(impl Attributes + ?Sized)) -> Option<IpAddr> {
        match self {
            Self::Source => attrs.source_ip(),
            Self::Remote => attrs.remote_ip(),
            Self::Destination => attrs.destination_ip(),
        }
    }
}

// === impl MetadataPattern ===

impl MetadataPattern {
    fn matches(&self, value: &Value) -> bool {
        let matches = |pattern: &TextPattern, value: &Value| {
            value.as_str().is_some_and(|text| pattern.matches(text))
        };
        match self {
            Self::Text(pattern) => matches(pattern, value),
            Self::Element(pattern) => value
                .as_list()
                .is_some_and(|list| list.iter().any(|value| matches(pattern, value))),
        }
    }
}

/// The claim at `path`, which leads through objects only.
pub fn find_claim<'a>(claims: &'a Map, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(claims.get(first)?, |value, name| {
        value.as_object()?.get(name)
    })
}

/// A string that matches, or a list with one. Numbers, booleans, null, objects and lists of lists
/// never match, not even `*`.
fn claim_matches(value: &Value, patterns: &[TextPattern]) -> bool {
    let matches = |value: &Value| value.as_str().is_some_and(|text| any(patterns, text));
    match value {
        Value::List(list) => list.iter().any(matches),
        value => matches(value),
    }
}

fn any(patterns: &[TextPattern], value: impl AsRef<[u8]> + Copy) -> bool {
    patterns.iter().any(|pattern| pattern.matches(value))
}
