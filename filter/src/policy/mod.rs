//! Authorization policy in the form in which it is evaluated.
//!
//! Everything that can be decided at load is decided here: which policies are for this workload,
//! which kind of match each value is, what trust domain aliases stand for.

pub mod address;
mod clause;
mod compile;
mod index;
mod needs;
mod path;
mod peer;
mod request_principal;
mod rule;
mod text;
mod trust;

pub use clause::{AddressOf, Clause, MetadataPattern, Test, find_claim};
use index::Index;
pub use needs::Needs;
pub use path::{PathPattern, PathPatternError, PathTemplate};
pub use peer::PeerPattern;
pub use request_principal::RequestPrincipalPattern;
pub use rule::{Alternative, Rule, RuleSet};
pub use text::{HostPattern, TextPattern};

use std::collections::BTreeMap;

use crate::attributes::Protocol;
use crate::config::{Mesh, Workload};
use crate::resource::AuthorizationPolicy;
use crate::resource::authorization_policy::Action;
use trust::TrustDomains;

/// The authorization policies of one workload.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    /// By provider.
    pub(crate) custom: BTreeMap<String, RuleSet>,
    pub(crate) audit: RuleSet,
    pub(crate) deny: RuleSet,
    pub(crate) allow: RuleSet,
    pub(crate) dry_run_deny: RuleSet,
    pub(crate) dry_run_allow: RuleSet,
}

// === impl PolicySet ===

impl PolicySet {
    /// Compiles those of `policies` that are for `workload`.
    pub fn compile<'a>(
        policies: impl IntoIterator<Item = &'a AuthorizationPolicy>,
        workload: &Workload,
        mesh: &Mesh,
        protocol: Protocol,
    ) -> Self {
        let domains = TrustDomains::new(mesh);
        let mut selected: Vec<_> = policies
            .into_iter()
            .filter(|policy| policy.applies_to(workload, mesh))
            .collect();
        // Istio lists the root namespace first.
        selected.sort_by_key(|policy| policy.name.namespace != mesh.root_namespace);
        let mut set = Self::default();
        for policy in selected {
            set.rules_for(policy).add(policy, domains, protocol);
        }
        set.sets_mut().for_each(RuleSet::finish);
        set
    }

    /// The same policies without the index: every rule is tried for every request. This is the
    /// oracle that tests hold the index against.
    #[must_use]
    pub fn without_index(mut self) -> Self {
        self.sets_mut().for_each(RuleSet::forget_index);
        self
    }

    /// Which attributes it can read.
    pub fn needs(&self) -> Needs {
        self.sets().map(RuleSet::needs).collect()
    }

    /// The headers that it can read, some more than once.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        let rules = self.sets().flat_map(RuleSet::rules);
        let clauses = rules.flat_map(Rule::clauses);
        clauses.filter_map(|clause| match &clause.test {
            Test::Header(name, _) => Some(&**name),
            Test::Method(_) => Some(":method"),
            Test::Host(_) => Some(":authority"),
            Test::Path(_) => Some(":path"),
            _ => None,
        })
    }

    /// Whether there are policies that only say what they see (AUDIT) or would do (dry run).
    pub fn has_observers(&self) -> bool {
        [&self.audit, &self.dry_run_deny, &self.dry_run_allow]
            .into_iter()
            .any(|set| !set.is_empty())
    }

    fn rules_for(&mut self, policy: &AuthorizationPolicy) -> &mut RuleSet {
        match (&policy.action, policy.dry_run) {
            (Action::Allow, false) => &mut self.allow,
            (Action::Allow, true) => &mut self.dry_run_allow,
            (Action::Deny, false) => &mut self.deny,
            (Action::Deny, true) => &mut self.dry_run_deny,
            (Action::Audit, _) => &mut self.audit,
            (Action::Custom { provider }, _) => self.custom.entry(provider.clone()).or_default(),
        }
    }

    fn sets(&self) -> impl Iterator<Item = &RuleSet> {
        [
            &self.audit,
            &self.deny,
            &self.allow,
            &self.dry_run_deny,
            &self.dry_run_allow,
        ]
        .into_iter()
        .chain(self.custom.values())
    }

    fn sets_mut(&mut self) -> impl Iterator<Item = &mut RuleSet> {
        [
            &mut self.audit,
            &mut self.deny,
            &mut self.allow,
            &mut self.dry_run_deny,
            &mut self.dry_run_allow,
        ]
        .into_iter()
        .chain(self.custom.values_mut())
    }
}
