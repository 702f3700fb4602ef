//! What a field of a rule wants of an attribute.

use ipnet::IpNet;

use crate::policy::PathPattern;

/// What one field wants: the attribute has one of these values. Values are as the policy has them,
/// read as far as possible without the mesh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// `principals`, `source.principal`
    Principals(Vec<String>),
    /// `namespaces`, `source.namespace`
    Namespaces(Vec<String>),
    /// `serviceAccounts`, `source.serviceAccount`
    ServiceAccounts(Vec<ServiceAccount>),
    /// `trustDomains`, `source.trustDomain`
    TrustDomains(Vec<String>),
    /// `ipBlocks`, `source.ip`
    SourceIps(Vec<IpNet>),
    /// `remoteIpBlocks`, `remote.ip`
    RemoteIps(Vec<IpNet>),
    /// `destination.ip`
    DestinationIps(Vec<IpNet>),
    /// `ports`, `destination.port`
    Ports(Vec<u16>),
    /// `connection.sni`
    Sni(Vec<String>),
    /// `hosts`
    Hosts(Vec<String>),
    /// `paths`
    Paths(Vec<PathPattern>),
    /// `methods`, `request.headers[..]`
    Header {
        /// The name in lower case.
        name: String,
        /// What one of its values has to match.
        values: Vec<String>,
    },
    /// `requestPrincipals`, `request.auth.principal`
    RequestPrincipals(Vec<String>),
    /// `request.auth.claims[..]..`, `request.auth.audiences`, `request.auth.presenter`
    Claim {
        /// The names on the way to the claim.
        path: Vec<String>,
        /// What it, or one of its elements, has to match.
        values: Vec<String>,
    },
    /// `experimental.envoy.filters..[..]`
    Metadata {
        /// The filter that left the metadata.
        filter: String,
        /// The key below it.
        key: String,
        /// What the value has to match; `[v]` wants a list that contains `v`.
        values: Vec<String>,
    },
}

/// An entry of `serviceAccounts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAccount {
    /// Its namespace; `None` for that of the policy.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

// === impl Constraint ===

impl Constraint {
    /// Whether a TCP connection has no such attribute.
    pub fn is_http_only(&self) -> bool {
        matches!(
            self,
            Self::Hosts(_)
                | Self::Paths(_)
                | Self::Header { .. }
                | Self::RequestPrincipals(_)
                | Self::Claim { .. }
        )
    }

    /// Whether CUSTOM policies may ask for it: neither the peer's identity, which Istio does not
    /// support there, nor the token, which is checked only after the authorizer was asked.
    pub fn is_for_custom(&self) -> bool {
        !matches!(
            self,
            Self::Principals(_)
                | Self::Namespaces(_)
                | Self::ServiceAccounts(_)
                | Self::TrustDomains(_)
                | Self::RequestPrincipals(_)
                | Self::Claim { .. }
        )
    }
}
