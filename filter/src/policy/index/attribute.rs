//! What values are looked up of.

use crate::policy::{AddressOf, Clause, Test};

/// Something of which a request has values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attribute {
    /// The peer's name.
    Peer,
    /// What follows `spiffe://` in it.
    Principal,
    /// The trust domain in it.
    TrustDomain,
    /// What stands between `/ns/` and the next slash in it.
    Namespace,
    /// What follows `/sa/` in it, up to the next slash.
    Account,
    /// An address: 0 source, 1 remote, 2 destination.
    Address(u8),
    Port,
    Sni,
    Host,
    Path,
    Method,
    Header(Box<str>),
    Issuer,
    Subject,
    Claim(Box<[String]>),
}

impl Attribute {
    /// An address.
    pub(super) fn address(whose: AddressOf) -> Self {
        Self::Address(match whose {
            AddressOf::Source => 0,
            AddressOf::Remote => 1,
            AddressOf::Destination => 2,
        })
    }

    /// Whether case does not matter.
    pub(super) fn ignores_case(&self) -> bool {
        *self == Self::Host
    }
}

/// Whether values of the request have to be among those of the clause for it to hold.
pub(super) fn is_indexable(clause: &Clause) -> bool {
    !clause.negated && !matches!(clause.test, Test::Metadata(..))
}
