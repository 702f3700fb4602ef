//! The plain evaluator: every rule, every clause, in order.

use crate::Attributes;
use crate::authn::Identity;
use crate::policy::{Alternative, Clause, Rule, RuleSet};

/// What is known of a request, and what counts when a clause cannot be decided.
pub(super) struct Facts<'a, A> {
    pub attrs: &'a A,
    pub identity: Option<&'a Identity>,
    /// Whether a clause holds that needs an attribute which the host failed to provide.
    ///
    /// Closed means: such a clause holds in a rule that denies, and does not in one that allows.
    pub undecided: bool,
}

// === impl Facts ===

impl<A: Attributes> Facts<'_, A> {
    /// The first rule that matches. Rules are alternatives.
    pub fn first_match<'p>(&self, rules: &'p RuleSet) -> Option<&'p Rule> {
        rules.rules().iter().find(|rule| self.matches(rule))
    }

    /// Whether a source of `from`, an operation of `to` and every condition match.
    pub fn matches(&self, rule: &Rule) -> bool {
        self.any(&rule.from) && self.any(&rule.to) && self.all(&rule.when)
    }

    /// Whether the clause holds.
    pub fn holds(&self, clause: &Clause) -> bool {
        clause
            .holds(self.attrs, self.identity)
            .unwrap_or(self.undecided)
    }

    fn any(&self, alternatives: &[Alternative]) -> bool {
        alternatives.is_empty()
            || alternatives
                .iter()
                .any(|alternative| self.all(&alternative.0))
    }

    fn all(&self, clauses: &[Clause]) -> bool {
        clauses.iter().all(|clause| self.holds(clause))
    }
}
