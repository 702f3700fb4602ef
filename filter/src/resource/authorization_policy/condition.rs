//! The conditions of a rule (`when`).

use super::{Clause, Constraint, values};
use crate::config::{ConfigError, Node};

/// What a `when.key` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Principal,
    Namespace,
    ServiceAccount,
    TrustDomain,
    SourceIp,
    RemoteIp,
    DestinationIp,
    DestinationPort,
    Sni,
    RequestPrincipal,
    Claim(Vec<String>),
    Header(String),
    Metadata { filter: String, key: String },
}

const KEYS: &str = "known keys: request.headers[..], request.auth.principal, \
                    request.auth.audiences, request.auth.presenter, request.auth.claims[..], \
                    source.ip, source.namespace, source.principal, source.serviceAccount, \
                    source.trustDomain, remote.ip, destination.ip, destination.port, \
                    connection.sni, experimental.envoy.filters.*[..]";

/// Reads one condition, which stands at `path` below `spec`: up to two clauses.
pub(super) fn read(node: &Node<'_>, path: &str) -> Result<Vec<Clause>, ConfigError> {
    let fields = node.object(&["key", "values", "notValues"])?;
    let key = Key::read(&fields.require("key")?)?;
    let mut clauses = Vec::new();
    for (field, negated) in [("values", false), ("notValues", true)] {
        if let Some(node) = fields.get(field) {
            let constraint = key.constraint(&node)?;
            clauses.extend(Clause::new(
                &node,
                format!("{path}.{field}"),
                negated,
                constraint,
            )?);
        }
    }
    if clauses.is_empty() {
        return Err(node
            .error("neither `values` nor `notValues` has a value")
            .help("add one, or remove the condition"));
    }
    Ok(clauses)
}

// === impl Key ===

impl Key {
    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let text = node.string()?;
        let gone = |instead: &str| {
            Err(node
                .error(format!("`{text}` is not supported"))
                .help(instead))
        };
        Ok(match text {
            "" => return Err(node.error("must not be empty").help(KEYS)),
            "source.ip" => Self::SourceIp,
            "source.namespace" => Self::Namespace,
            "source.principal" => Self::Principal,
            "source.serviceAccount" => Self::ServiceAccount,
            "source.trustDomain" => Self::TrustDomain,
            "remote.ip" => Self::RemoteIp,
            "destination.ip" => Self::DestinationIp,
            "destination.port" => Self::DestinationPort,
            "connection.sni" => Self::Sni,
            "request.auth.principal" => Self::RequestPrincipal,
            "request.auth.audiences" => Self::Claim(vec!["aud".to_owned()]),
            "request.auth.presenter" => Self::Claim(vec!["azp".to_owned()]),
            "destination.namespace" => {
                return gone(
                    "a policy is for the namespace that it lives in: `metadata.namespace`",
                );
            }
            "destination.name" | "destination.user" => {
                return gone("use `selector` to say which workloads the policy is for");
            }
            _ if text.starts_with("destination.labels") => {
                return gone("use `selector` to say which workloads the policy is for");
            }
            _ => return Self::with_name(node, text),
        })
    }

    /// A key with a name in brackets.
    fn with_name(node: &Node<'_>, text: &str) -> Result<Self, ConfigError> {
        let bad = |form: &str| {
            node.error(format!("bad key `{text}`"))
                .help(format!("write `{form}`"))
        };
        if let Some(name) = text.strip_prefix("request.headers") {
            let name = in_brackets(name).ok_or_else(|| bad("request.headers[name]"))?;
            if !is_header_name(name) {
                return Err(node
                    .error(format!("`{name}` is not a header name"))
                    .help("a header of that name never arrives"));
            }
            // Envoy keeps `host` as `:authority`.
            Ok(Self::Header(match name.to_ascii_lowercase() {
                name if name == "host" => ":authority".to_owned(),
                name => name,
            }))
        } else if let Some(names) = text.strip_prefix("request.auth.claims") {
            in_nested_brackets(names)
                .map(Self::Claim)
                .ok_or_else(|| bad("request.auth.claims[name]"))
        } else if let Some(rest) = text.strip_prefix("experimental.envoy.filters.") {
            rest.find('[')
                .and_then(|open| rest.split_at_checked(open))
                .filter(|(filter, _)| !filter.is_empty())
                .and_then(|(filter, key)| {
                    Some(Self::Metadata {
                        filter: format!("envoy.filters.{filter}"),
                        key: in_brackets(key)?.to_owned(),
                    })
                })
                .ok_or_else(|| bad("experimental.envoy.filters.name[key]"))
        } else {
            Err(node.error(format!("unknown attribute `{text}`")).help(KEYS))
        }
    }

    fn constraint(&self, node: &Node<'_>) -> Result<Constraint, ConfigError> {
        Ok(match self.clone() {
            Self::Principal => Constraint::Principals(values::texts(node)?),
            Self::Namespace => Constraint::Namespaces(values::texts(node)?),
            Self::ServiceAccount => Constraint::ServiceAccounts(values::service_accounts(node)?),
            Self::TrustDomain => Constraint::TrustDomains(values::trust_domains(node)?),
            Self::SourceIp => Constraint::SourceIps(values::addresses(node)?),
            Self::RemoteIp => Constraint::RemoteIps(values::addresses(node)?),
            Self::DestinationIp => Constraint::DestinationIps(values::addresses(node)?),
            Self::DestinationPort => Constraint::Ports(values::ports(node)?),
            Self::Sni => Constraint::Sni(values::texts(node)?),
            Self::RequestPrincipal => Constraint::RequestPrincipals(values::texts(node)?),
            Self::Claim(path) => Constraint::Claim {
                path,
                values: values::texts(node)?,
            },
            Self::Header(name) => Constraint::Header {
                name,
                values: values::texts(node)?,
            },
            Self::Metadata { filter, key } => Constraint::Metadata {
                filter,
                key,
                values: values::texts(node)?,
            },
        })
    }
}

/// `name` of `[name]`.
fn in_brackets(text: &str) -> Option<&str> {
    text.strip_prefix('[')?
        .strip_suffix(']')
        .filter(|name| !name.is_empty())
}

/// The names of `[a][b]..`; a name ends at the first closing bracket.
fn in_nested_brackets(text: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.strip_prefix('[')?.split_once(']')?;
        if name.is_empty() {
            return None;
        }
        names.push(name.to_owned());
        rest = after;
    }
    Some(names).filter(|names| !names.is_empty())
}

/// RFC 9110 section 5.1 field name, or a pseudo header.
fn is_header_name(name: &str) -> bool {
    let token = name.strip_prefix(':').unwrap_or(name);
    !token.is_empty()
        && token
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_brackets() {
        let rows: &[(&str, Option<&[&str]>)] = &[
            ("[good]", Some(&["good"])),
            ("[good][abc][xyz]", Some(&["good", "abc", "xyz"])),
            ("[[good]", Some(&["[good"])),
            ("[https://a/b.c]", Some(&["https://a/b.c"])),
            ("[bad", None),
            ("bad]", None),
            ("bad", None),
            ("", None),
            ("[]", None),
            ("[a]b[c]", None),
        ];
        for (text, names) in rows {
            let found = in_nested_brackets(text);
            assert_eq!(
                found
                    .as_deref()
                    .map(|n| n.iter().map(String::as_str).collect::<Vec<_>>()),
                names.map(<[&str]>::to_vec),
                "{text}"
            );
        }
        assert_eq!(in_brackets("[[good]]"), Some("[good]"));
    }
}
