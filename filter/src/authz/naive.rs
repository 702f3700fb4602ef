//! The plain evaluator: every clause of a rule in order, and every rule that the index leaves.

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
        let all = rules.rules();
        let naive = || all.iter().find(|rule| self.matches(rule));
        let Some(index) = rules.index() else {
            return naive();
        };
        let mut first: Option<u32> = None;
        let mut visit = |candidates: &[u32]| {
            let earlier = candidates
                .iter()
                .take_while(|id| first.is_none_or(|first| **id < first));
            let found = earlier.copied().find(|id| {
                let rule = position(*id).and_then(|at| all.get(at));
                rule.is_some_and(|rule| self.matches(rule))
            });
            first = found.or(first);
        };
        let complete = index.candidates(self.attrs, self.identity, &mut visit);
        if complete || !self.undecided {
            all.get(position(first?)?)
        } else {
            // What cannot be looked up counts as found.
            naive()
        }
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

fn position(id: u32) -> Option<usize> {
    usize::try_from(id).ok()
}
