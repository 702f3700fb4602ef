//! The rules of a policy.

use super::{Constraint, condition, values};
use crate::config::{ConfigError, Node};

/// One rule: a source of `from`, an operation of `to` and every condition of `when`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Who it is for; empty for everyone.
    pub from: Vec<Alternative>,
    /// What it is for; empty for everything.
    pub to: Vec<Alternative>,
    /// Further conditions.
    pub when: Vec<Clause>,
}

/// An entry of `from` or `to`: all of its clauses have to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alternative {
    /// Its clauses, at least one.
    pub clauses: Vec<Clause>,
}

/// One field of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Where it stands below `spec`, such as `rules[0].to[0].operation.methods`.
    pub path: String,
    /// Whether it is one of the `not` fields, which want none of the values.
    pub negated: bool,
    /// The values as they are written.
    pub values: Vec<String>,
    /// What it wants.
    pub constraint: Constraint,
}

/// A field of a source or an operation.
struct Field {
    names: [&'static str; 2],
    read: fn(&Node<'_>) -> Result<Constraint, ConfigError>,
}

const MAX_ALTERNATIVES: usize = 512;

const SOURCE: &[Field] = &[
    Field {
        names: ["principals", "notPrincipals"],
        read: |node| values::texts(node).map(Constraint::Principals),
    },
    Field {
        names: ["requestPrincipals", "notRequestPrincipals"],
        read: |node| values::texts(node).map(Constraint::RequestPrincipals),
    },
    Field {
        names: ["namespaces", "notNamespaces"],
        read: |node| values::texts(node).map(Constraint::Namespaces),
    },
    Field {
        names: ["serviceAccounts", "notServiceAccounts"],
        read: |node| values::service_accounts(node).map(Constraint::ServiceAccounts),
    },
    Field {
        names: ["trustDomains", "notTrustDomains"],
        read: |node| values::trust_domains(node).map(Constraint::TrustDomains),
    },
    Field {
        names: ["ipBlocks", "notIpBlocks"],
        read: |node| values::addresses(node).map(Constraint::SourceIps),
    },
    Field {
        names: ["remoteIpBlocks", "notRemoteIpBlocks"],
        read: |node| values::addresses(node).map(Constraint::RemoteIps),
    },
];

const OPERATION: &[Field] = &[
    Field {
        names: ["hosts", "notHosts"],
        read: |node| values::texts(node).map(Constraint::Hosts),
    },
    Field {
        names: ["ports", "notPorts"],
        read: |node| values::ports(node).map(Constraint::Ports),
    },
    Field {
        names: ["methods", "notMethods"],
        read: |node| {
            Ok(Constraint::Header {
                name: ":method".to_owned(),
                values: values::texts(node)?,
            })
        },
    },
    Field {
        names: ["paths", "notPaths"],
        read: |node| values::paths(node).map(Constraint::Paths),
    },
];

// === impl Rule ===

impl Rule {
    /// Reads the rule of this index.
    pub(super) fn read(node: &Node<'_>, index: usize) -> Result<Self, ConfigError> {
        let fields = node.object(&["from", "to", "when"])?;
        let path = format!("rules[{index}]");
        let mut rule = Self::default();
        if let Some(node) = fields.get("from") {
            rule.from = alternatives(&node, &format!("{path}.from"), "source", SOURCE)?;
        }
        if let Some(node) = fields.get("to") {
            rule.to = alternatives(&node, &format!("{path}.to"), "operation", OPERATION)?;
        }
        if let Some(node) = fields.get("when") {
            for (index, node) in node.list()?.enumerate() {
                let path = format!("{path}.when[{index}]");
                rule.when.extend(condition::read(&node, &path)?);
            }
        }
        Ok(rule)
    }

    /// Every clause of the rule.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.from
            .iter()
            .chain(&self.to)
            .flat_map(|alternative| &alternative.clauses)
            .chain(&self.when)
    }
}

// === impl Clause ===

impl Clause {
    /// The clause of a field `node`; an empty list is no clause.
    pub(super) fn new(
        node: &Node<'_>,
        path: String,
        negated: bool,
        constraint: Constraint,
    ) -> Result<Option<Self>, ConfigError> {
        let values = node.strings()?;
        Ok((!values.is_empty()).then_some(Self {
            path,
            negated,
            values,
            constraint,
        }))
    }
}

/// Reads `from` or `to`, whose entries have the key `what`.
fn alternatives(
    node: &Node<'_>,
    path: &str,
    what: &'static str,
    known: &[Field],
) -> Result<Vec<Alternative>, ConfigError> {
    let alternatives = node
        .list()?
        .enumerate()
        .map(|(index, entry)| {
            let fields = entry.object(&[what])?;
            let path = format!("{path}[{index}].{what}");
            alternative(&fields.require(what)?, &path, known)
        })
        .collect::<Result<Vec<_>, _>>()?;
    match alternatives.len() {
        0 => Err(node
            .error("must not be empty")
            .help("add an entry, or leave it out for no restriction")),
        1..=MAX_ALTERNATIVES => Ok(alternatives),
        count => Err(node
            .error(format!(
                "has {count} entries, at most {MAX_ALTERNATIVES} are allowed"
            ))
            .help("split the rule")),
    }
}

fn alternative(node: &Node<'_>, path: &str, known: &[Field]) -> Result<Alternative, ConfigError> {
    let names: Vec<&str> = known.iter().flat_map(|field| field.names).collect();
    let fields = node.object(&names)?;
    let mut clauses = Vec::new();
    for field in known {
        for (name, negated) in field.names.into_iter().zip([false, true]) {
            if let Some(node) = fields.get(name) {
                let constraint = (field.read)(&node)?;
                clauses.extend(Clause::new(
                    &node,
                    format!("{path}.{name}"),
                    negated,
                    constraint,
                )?);
            }
        }
    }
    if clauses.is_empty() {
        return Err(node
            .error("must not be empty")
            .help("name at least one field with a value"));
    }
    let has = |wanted: fn(&Constraint) -> bool| {
        clauses
            .iter()
            .any(|clause: &Clause| wanted(&clause.constraint))
    };
    if has(|constraint| matches!(constraint, Constraint::ServiceAccounts(_)))
        && has(|constraint| {
            matches!(
                constraint,
                Constraint::Principals(_) | Constraint::Namespaces(_)
            )
        })
    {
        return Err(node
            .error("`serviceAccounts` cannot stand beside `principals` or `namespaces`")
            .help("use one of them, or another entry of `from`"));
    }
    Ok(Alternative { clauses })
}
