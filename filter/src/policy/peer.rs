//! Patterns for the name in the client certificate.

use super::TextPattern;

const SCHEME: &str = "spiffe://";

/// A pattern for the peer's name. Without mutual TLS there is no name, and none matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerPattern {
    /// `principals: ["*"]`: any name that is not empty.
    Named,
    /// `principals`: what follows `spiffe://`.
    Principal(TextPattern),
    /// `namespaces`: `/ns/<pattern>/` somewhere in the name, cut at its stars; a star of the
    /// pattern takes slashes too.
    Namespace(Vec<Box<str>>),
    /// `serviceAccounts`: this account of this namespace in any trust domain.
    ServiceAccount {
        /// `/ns/<namespace>/`
        namespace: Box<str>,
        /// `sa/<account>`
        account: Box<str>,
    },
    /// `trustDomains: ["*"]`: any SPIFFE name.
    Spiffe,
    /// `trustDomains`: what stands between `spiffe://` and the next slash.
    TrustDomain(TextPattern),
}

// === impl PeerPattern ===

impl PeerPattern {
    /// An entry of `principals`, trust domain aliases already expanded. It is written without
    /// `spiffe://`.
    pub fn principal(text: &str) -> Self {
        match text {
            "*" => Self::Named,
            _ => Self::Principal(TextPattern::for_value(text)),
        }
    }

    /// An entry of `namespaces`.
    pub fn namespace(text: &str) -> Self {
        let around = format!("/ns/{text}/");
        Self::Namespace(around.split('*').map(Box::from).collect())
    }

    /// An entry of `serviceAccounts`.
    pub fn service_account(namespace: &str, account: &str) -> Self {
        Self::ServiceAccount {
            namespace: format!("/ns/{namespace}/").into(),
            account: format!("sa/{account}").into(),
        }
    }

    /// An entry of `trustDomains`, aliases already expanded.
    pub fn trust_domain(text: &str) -> Self {
        match text {
            "*" => Self::Spiffe,
            _ => Self::TrustDomain(TextPattern::for_value(text)),
        }
    }

    /// Whether the peer `name` matches.
    pub fn matches(&self, name: &str) -> bool {
        let spiffe = name.strip_prefix(SCHEME);
        match self {
            Self::Named => !name.is_empty(),
            Self::Principal(pattern) => spiffe.is_some_and(|name| pattern.matches(name)),
            // The pattern floats at both ends, so taking each piece where it first occurs is enough.
            Self::Namespace(pieces) => pieces
                .iter()
                .try_fold(name, |rest, piece| {
                    rest.split_once(&**piece).map(|(_, rest)| rest)
                })
                .is_some(),
            Self::ServiceAccount { namespace, account } => {
                spiffe.is_some_and(|name| is_service_account(name, namespace, account))
            }
            Self::Spiffe => spiffe.is_some(),
            Self::TrustDomain(pattern) => spiffe
                .and_then(|name| name.split_once('/'))
                .is_some_and(|(domain, _)| pattern.matches(domain)),
        }
    }
}

/// Whether `name` (after `spiffe://`) is a trust domain, `/ns/<namespace>/`, any further pairs,
/// `sa/<account>`, and any further pairs.
fn is_service_account(name: &str, namespace: &str, account: &str) -> bool {
    // The trust domain has a character at least. Behind it the first occurrence leaves the most to
    // find the account in.
    let mut rest = name.chars();
    rest.next();
    rest.as_str()
        .split_once(namespace)
        .is_some_and(|(_, after)| has_account(after, account))
}

/// Whether the account stands at the beginning of `after` or behind a slash that is not the first
/// character, and a slash with something behind it, or nothing, follows.
fn has_account(after: &str, account: &str) -> bool {
    let begins_well = |text: &str| {
        text.strip_prefix(account)
            .is_some_and(|rest| rest.is_empty() || (rest.starts_with('/') && rest.len() > 1))
    };
    begins_well(after)
        || after.match_indices('/').any(|(slash, _)| {
            let behind = after.get(slash.saturating_add(1)..);
            slash > 0 && behind.is_some_and(begins_well)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_names() {
        let alice = "spiffe://cluster.local/ns/foo/sa/alice";
        let principal = PeerPattern::principal;
        let namespace = PeerPattern::namespace;
        let account = |account| PeerPattern::service_account("my-ns", account);
        let domain = PeerPattern::trust_domain;
        let rows = [
            (principal("cluster.local/ns/foo/sa/alice"), alice, true),
            (principal("cluster.local/ns/foo/sa/Alice"), alice, false),
            (
                principal("spiffe://cluster.local/ns/foo/sa/alice"),
                alice,
                false,
            ),
            (principal("cluster.local/ns/foo/*"), alice, true),
            (principal("*/sa/alice"), alice, true),
            (principal("*/sa/al.ce"), alice, false),
            (principal("*"), alice, true),
            (principal("*"), "CN=subject", true),
            (principal("*"), "", false),
            (principal("*subject"), "CN=subject", false),
            (principal("cluster.local/*/alice"), alice, false),
            (namespace("foo"), alice, true),
            (namespace("fo"), alice, false),
            (namespace("fo*"), alice, true),
            (namespace("*"), alice, true),
            (namespace("*"), "spiffe://td/x", false),
            (namespace("n.s"), "spiffe://td/ns/nXs/sa/a", false),
            (
                namespace("ns.*.prod"),
                "spiffe://td/ns/ns.any.prod/sa/a",
                true,
            ),
            (
                namespace("ns.*.prod"),
                "spiffe://td/ns/nsXanyXprod/sa/a",
                false,
            ),
            (namespace("*-prod"), "spiffe://td/ns/a-prod/sa/foo", true),
            // A star takes slashes, as Istio's `.*` does.
            (namespace("a*b"), "spiffe://td/ns/a/sa/b/", true),
            (account("my-sa"), "spiffe://td/ns/my-ns/sa/my-sa", true),
            (account("my-sa"), "spiffe://td/ns/my-ns/sa/my-sa/k/v", true),
            (account("my-sa"), "spiffe://td/ns/my-ns/sa/my-sa/", false),
            (account("my-sa"), "spiffe://td/ns/my-ns/k/v/sa/my-sa", true),
            (account("my-sa"), "spiffe://td/ns/my-ns/sa/my-sa-2", false),
            (account("my-sa"), "spiffe://td/ns/my-ns/xsa/my-sa", false),
            (account("my-sa"), "spiffe://td/ns/my-ns/ksa/my-sa", false),
            (account("my-sa"), "spiffe://td/ns/my-ns-x/sa/my-sa", false),
            (account("my-sa"), "spiffe:///ns/my-ns/sa/my-sa", false),
            (account("my-sa"), "spiffe://td/ns/my-ns//sa/my-sa", false),
            (
                account("my-sa"),
                "spiffe:///ns/my-ns/ns/my-ns/sa/my-sa",
                true,
            ),
            (account("my-sa"), "td/ns/my-ns/sa/my-sa", false),
            (
                PeerPattern::service_account("my-ns", "sa"),
                "spiffe://td/ns/my-ns/xsa/sa/sa",
                true,
            ),
            (account("my.sa"), "spiffe://td/ns/my-ns/sa/my-sa", false),
            (domain("cluster.local"), alice, true),
            (domain("cluster"), alice, false),
            (domain("cluster.*"), alice, true),
            (domain("*local"), alice, true),
            (domain("*global"), alice, false),
            (domain("*"), alice, true),
            (domain("*"), "CN=subject", false),
            (domain("*ce"), alice, false),
        ];
        for (pattern, name, matches) in rows {
            assert_eq!(pattern.matches(name), matches, "{pattern:?} on {name}");
        }
    }
}
