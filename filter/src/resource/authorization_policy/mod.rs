//! `AuthorizationPolicy`, security.istio.io/v1.

mod condition;
mod constraint;
mod rule;
mod values;

pub use constraint::{Constraint, ServiceAccount};
pub use rule::{Alternative, Clause, Rule};

use super::{Metadata, ResourceName, Scope};
use crate::config::{ConfigError, Fields, Mesh, Node, Workload};

/// An `AuthorizationPolicy` that is valid as far as Istio's webhook looks, and further where Istio
/// would lose or widen a rule without a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationPolicy {
    /// Namespace and name.
    pub name: ResourceName,
    /// Which proxies it is for.
    pub scope: Scope,
    /// What happens to requests that match one of the rules.
    pub action: Action,
    /// Whether it only says what it would do (annotation `istio.io/dry-run`).
    pub dry_run: bool,
    /// The rules, one of which has to match. None at all matches nothing, an empty rule matches
    /// everything.
    pub rules: Vec<Rule>,
}

/// What happens to requests that match a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// They go on; others do not, unless another ALLOW policy matches.
    Allow,
    /// They are denied.
    Deny,
    /// They are noted.
    Audit,
    /// An external authorizer is asked.
    Custom {
        /// The name of the extension provider.
        provider: String,
    },
}

const VERSIONS: [&str; 2] = ["security.istio.io/v1", "security.istio.io/v1beta1"];
const KIND: &str = "AuthorizationPolicy";
const DRY_RUN: &str = "istio.io/dry-run";
const MAX_RULES: usize = 512;

// === impl AuthorizationPolicy ===

impl AuthorizationPolicy {
    /// Reads the resource.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&["apiVersion", "kind", "metadata", "spec", "status"])?;
        let version = fields.require("apiVersion")?;
        if !VERSIONS.contains(&version.string()?) {
            return Err(version
                .error(format!("`{}` is not known", version.string()?))
                .help(format!("use `{}`", VERSIONS.join("` or `"))));
        }
        let kind = fields.require("kind")?;
        if kind.string()? != KIND {
            return Err(kind.error(format!("`{}` is not {KIND}", kind.string()?)));
        }
        let metadata_node = fields.require("metadata")?;
        let metadata = Metadata::read(&metadata_node)?;
        let mut policy = Self {
            scope: Scope::Selector(super::Selector::default()),
            action: Action::Allow,
            dry_run: false,
            rules: Vec::new(),
            name: metadata.name.clone(),
        };
        if let Some(spec) = fields.get("spec") {
            policy.read_spec(&spec)?;
        }
        policy.dry_run = dry_run(&metadata_node, &metadata, &policy.action)?;
        Ok(policy)
    }

    /// Whether it is for `workload`.
    pub fn applies_to(&self, workload: &Workload, mesh: &Mesh) -> bool {
        self.scope.covers(&self.name, workload, mesh)
    }

    fn read_spec(&mut self, spec: &Node<'_>) -> Result<(), ConfigError> {
        let [selector, target, targets] = Scope::FIELDS;
        let fields = spec.object(&["action", "provider", "rules", selector, target, targets])?;
        self.scope = Scope::read(&fields, &self.name.namespace)?;
        self.action = Action::read(&fields)?;
        let Some(rules) = fields.get("rules") else {
            return match self.action {
                Action::Allow | Action::Audit => Ok(()),
                Action::Deny | Action::Custom { .. } => Err(spec
                    .error(format!(
                        "action {} without `rules` never does anything",
                        self.action.name()
                    ))
                    .help("add `rules: [{}]` for every request")),
            };
        };
        for (index, node) in rules.list()?.enumerate() {
            let rule = Rule::read(&node, index)?;
            if let Action::Custom { .. } = self.action {
                supported_by_custom(&node, &rule)?;
            }
            self.rules.push(rule);
        }
        if self.rules.len() > MAX_RULES {
            let count = self.rules.len();
            return Err(rules
                .error(format!(
                    "has {count} entries, at most {MAX_RULES} are allowed"
                ))
                .help("split the policy"));
        }
        Ok(())
    }
}

// === impl Action ===

impl Action {
    /// The name, as `action` has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Deny => "DENY",
            Self::Audit => "AUDIT",
            Self::Custom { .. } => "CUSTOM",
        }
    }

    /// Reads `action` and `provider` of a `spec`.
    fn read(spec: &Fields<'_>) -> Result<Self, ConfigError> {
        let action = match spec.get("action") {
            None => Self::Allow,
            Some(node) => match node.string()? {
                "ALLOW" => Self::Allow,
                "DENY" => Self::Deny,
                "AUDIT" => Self::Audit,
                "CUSTOM" => return Self::custom(spec),
                other => {
                    return Err(node
                        .error(format!("unknown action `{other}`"))
                        .help("use ALLOW, DENY, AUDIT or CUSTOM"));
                }
            },
        };
        match spec.get("provider") {
            None => Ok(action),
            Some(node) => Err(node
                .error(format!("action {} has no provider", action.name()))
                .help("remove `provider`, or use action CUSTOM")),
        }
    }

    fn custom(spec: &Fields<'_>) -> Result<Self, ConfigError> {
        let provider = spec.require("provider")?;
        let fields = provider.object(&["name"])?;
        let name = fields.require("name")?;
        match name.string()? {
            "" => Err(name
                .error("must not be empty")
                .help("name the extension provider to ask")),
            text => Ok(Self::Custom {
                provider: text.to_owned(),
            }),
        }
    }
}

fn supported_by_custom(node: &Node<'_>, rule: &Rule) -> Result<(), ConfigError> {
    match rule
        .clauses()
        .find(|clause| !clause.constraint.is_for_custom())
    {
        None => Ok(()),
        Some(clause) => Err(node
            .error(format!("action CUSTOM does not support `{}`", clause.path))
            .help(
                "the authorizer is asked before the caller is known; match paths, methods, \
                   hosts, headers, ports or addresses",
            )),
    }
}

/// Reads the dry-run annotation: a boolean as Go reads it, on ALLOW and DENY only.
///
/// Istio enforces a policy whose annotation it cannot read; here it is refused.
fn dry_run(node: &Node<'_>, metadata: &Metadata, action: &Action) -> Result<bool, ConfigError> {
    let Some(text) = metadata.annotations.get(DRY_RUN) else {
        return Ok(false);
    };
    let error = |message: String| node.error(format!("annotation `{DRY_RUN}` {message}"));
    if !matches!(action, Action::Allow | Action::Deny) {
        return Err(
            error(format!("is not supported with action {}", action.name()))
                .help("remove it, or use action ALLOW or DENY"),
        );
    }
    match text.as_str() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => {
            Err(error(format!("has the invalid value `{text}`"))
                .help("write \"true\" or \"false\""))
        }
    }
}
