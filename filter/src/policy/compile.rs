//! From what a field says to what is asked of a request.

use super::trust::TrustDomains;
use super::{
    AddressOf, Clause, HostPattern, MetadataPattern, PeerPattern, RequestPrincipalPattern, Test,
    TextPattern,
};
use crate::resource::authorization_policy::{self as source, Constraint, ServiceAccount};

// === impl Clause ===

impl Clause {
    /// Compiles a clause of a policy that lives in `namespace`.
    pub(super) fn new(clause: &source::Clause, namespace: &str, domains: TrustDomains<'_>) -> Self {
        Self {
            path: clause.path.as_str().into(),
            negated: clause.negated,
            values: clause.values.clone().into(),
            test: Test::new(&clause.constraint, namespace, domains),
        }
    }
}

// === impl Test ===

impl Test {
    fn new(constraint: &Constraint, namespace: &str, domains: TrustDomains<'_>) -> Self {
        let texts = |values: &[String], pattern: fn(&str) -> TextPattern| -> Vec<TextPattern> {
            values.iter().map(|value| pattern(value)).collect()
        };
        let peers = |values: &[String], pattern: fn(&str) -> PeerPattern| -> Vec<PeerPattern> {
            values.iter().map(|value| pattern(value)).collect()
        };
        match constraint {
            Constraint::Principals(values) => Self::Peer(
                values
                    .iter()
                    .flat_map(|value| domains.principals(value))
                    .map(|value| PeerPattern::principal(&value))
                    .collect(),
            ),
            Constraint::TrustDomains(values) => Self::Peer(
                values
                    .iter()
                    .flat_map(|value| domains.trust_domains(value))
                    .map(|value| PeerPattern::trust_domain(&value))
                    .collect(),
            ),
            Constraint::Namespaces(values) => Self::Peer(peers(values, PeerPattern::namespace)),
            Constraint::ServiceAccounts(values) => Self::Peer(
                values
                    .iter()
                    .map(|account| service_account(account, namespace))
                    .collect(),
            ),
            Constraint::SourceIps(nets) => Self::Address(AddressOf::Source, nets.clone()),
            Constraint::RemoteIps(nets) => Self::Address(AddressOf::Remote, nets.clone()),
            Constraint::DestinationIps(nets) => Self::Address(AddressOf::Destination, nets.clone()),
            Constraint::Ports(ports) => Self::Port(ports.clone()),
            Constraint::Sni(values) => Self::Sni(texts(values, TextPattern::for_value)),
            Constraint::Hosts(values) => {
                Self::Host(values.iter().map(|value| HostPattern::new(value)).collect())
            }
            Constraint::Paths(patterns) => Self::Path(patterns.clone()),
            Constraint::Header { name, values } if name == ":method" => {
                Self::Method(texts(values, TextPattern::for_header))
            }
            Constraint::Header { name, values } => {
                Self::Header(name.as_str().into(), texts(values, TextPattern::for_header))
            }
            Constraint::RequestPrincipals(values) => Self::RequestPrincipal(
                values
                    .iter()
                    .map(|value| RequestPrincipalPattern::new(value))
                    .collect(),
            ),
            Constraint::Claim { path, values } => {
                Self::Claim(path.clone().into(), texts(values, TextPattern::for_value))
            }
            Constraint::Metadata {
                filter,
                key,
                values,
            } => Self::Metadata(
                filter.as_str().into(),
                [key.clone()],
                values
                    .iter()
                    .map(|value| MetadataPattern::new(value))
                    .collect(),
            ),
        }
    }
}

// === impl MetadataPattern ===

impl MetadataPattern {
    fn new(text: &str) -> Self {
        if text.starts_with('[') && text.ends_with(']') {
            Self::Element(TextPattern::for_value(text.trim_matches(['[', ']'])))
        } else {
            Self::Text(TextPattern::for_value(text))
        }
    }
}

fn service_account(account: &ServiceAccount, namespace: &str) -> PeerPattern {
    let namespace = account.namespace.as_deref().unwrap_or(namespace);
    PeerPattern::service_account(namespace, &account.name)
}
