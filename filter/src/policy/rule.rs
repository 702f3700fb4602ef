//! Compiled rules, as Envoy would name and order them.

use std::sync::Arc;

use super::trust::TrustDomains;
use super::{Clause, Index, Needs};
use crate::attributes::Protocol;
use crate::resource::authorization_policy::{self as source, Action, AuthorizationPolicy};

/// One compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `ns[NAMESPACE]-policy[NAME]-rule[INDEX]`, as Istio names it in Envoy.
    pub id: Box<str>,
    /// The policy that it belongs to, as `namespace/name`.
    pub policy: Arc<str>,
    /// Its index there.
    pub index: usize,
    /// Its place in the order of the policies: root namespace first.
    pub position: usize,
    /// One of these has to hold; empty for no restriction.
    pub from: Vec<Alternative>,
    /// One of these has to hold; empty for no restriction.
    pub to: Vec<Alternative>,
    /// All of these have to hold.
    pub when: Vec<Clause>,
}

/// Clauses all of which have to hold; without any it holds.
#[derive(Clone, Debug)]
pub struct Alternative(pub Vec<Clause>);

/// The rules of all policies of one action, one of which has to match.
#[derive(Clone, Debug, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    policies: Vec<Arc<str>>,
    index: Option<Index>,
}

/// As many rules as are tried faster than looked up.
const FEW: usize = 8;

// === impl Rule ===

impl Rule {
    /// Every clause of the rule.
    pub fn clauses(&self) -> impl Iterator<Item = &Clause> {
        self.from
            .iter()
            .chain(&self.to)
            .flat_map(|alternative| &alternative.0)
            .chain(&self.when)
    }
}

// === impl RuleSet ===

impl RuleSet {
    /// Adds the rules of a policy.
    ///
    /// What only HTTP has cannot be asked on TCP. There an ALLOW rule that asks for it is dropped
    /// (the policy still counts, so that less is allowed), any other rule does without it (so that
    /// more is denied).
    pub(super) fn add(
        &mut self,
        policy: &AuthorizationPolicy,
        domains: TrustDomains<'_>,
        protocol: Protocol,
    ) {
        let lost =
            |clause: &source::Clause| protocol == Protocol::Tcp && clause.constraint.is_http_only();
        let name = &policy.name;
        let clauses = |clauses: &[source::Clause]| -> Vec<Clause> {
            clauses
                .iter()
                .filter(|clause| !lost(clause))
                .map(|clause| Clause::new(clause, &name.namespace, domains))
                .collect()
        };
        let alternatives = |list: &[source::Alternative]| -> Vec<Alternative> {
            list.iter()
                .map(|alternative| Alternative(clauses(&alternative.clauses)))
                .collect()
        };
        let label: Arc<str> = name.to_string().into();
        for (index, rule) in policy.rules.iter().enumerate() {
            if policy.action == Action::Allow && rule.clauses().any(lost) {
                continue;
            }
            self.rules.push(Rule {
                id: format!("ns[{}]-policy[{}]-rule[{index}]", name.namespace, name.name).into(),
                policy: Arc::clone(&label),
                index,
                position: self.rules.len(),
                from: alternatives(&rule.from),
                to: alternatives(&rule.to),
                when: clauses(&rule.when),
            });
        }
        self.policies.push(label);
    }

    /// Puts the rules into the order in which Envoy tries them, that of their names, so that the
    /// same rule is reported where several match.
    pub(super) fn finish(&mut self) {
        self.rules.sort_by(|a, b| a.id.cmp(&b.id));
        self.index = (self.rules.len() > FEW).then(|| Index::new(&self.rules));
    }

    /// Every rule is tried for every request.
    pub(super) fn forget_index(&mut self) {
        self.index = None;
    }

    /// The index of the rules; `None` for a few.
    pub(crate) fn index(&self) -> Option<&Index> {
        self.index.as_ref()
    }

    /// The rules in the order in which they are tried.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The policies that the rules come from, and those without rules, as `namespace/name`.
    pub fn policies(&self) -> &[Arc<str>] {
        &self.policies
    }

    /// Whether no policy is in it. A set that has a policy but no rule is not empty: it matches
    /// nothing.
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// What its rules read.
    pub fn needs(&self) -> Needs {
        self.rules
            .iter()
            .flat_map(Rule::clauses)
            .map(|clause| clause.test.needs())
            .collect()
    }
}
