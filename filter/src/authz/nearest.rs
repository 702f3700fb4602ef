//! Which rule came nearest to matching.

use std::cmp::Reverse;
use std::sync::Arc;

use super::actual;
use super::naive::Facts;
use crate::Attributes;
use crate::decision::NearMiss;
use crate::policy::{Alternative, Clause, Rule, RuleSet};

/// How far clauses came. More that hold is nearer, then fewer that fail.
#[derive(Clone, Copy, Debug, Default)]
struct Reach<'p> {
    held: usize,
    failed: usize,
    first_failed: Option<&'p Clause>,
}

/// The rule of `rules`, none of which matches, that came nearest; of several the first. Without
/// rules, the first policy.
pub(super) fn nearest(rules: &RuleSet, facts: &Facts<'_, impl Attributes>) -> Option<NearMiss> {
    let best = rules
        .rules()
        .iter()
        .map(|rule| (rule, reach(rule, facts)))
        .max_by_key(|(rule, reach)| (reach.rank(), Reverse(rule.position)));
    if let Some((rule, reach)) = best {
        let clause = reach.first_failed;
        return Some(NearMiss {
            policy: Arc::clone(&rule.policy),
            rule: rule.index,
            clause: clause.map(|clause| clause.path.to_string()),
            expected: clause.map(expected).unwrap_or_default(),
            actual: clause
                .and_then(|clause| actual::value(&clause.test, facts.attrs, facts.identity)),
        });
    }
    Some(NearMiss {
        policy: rules.policies().first().cloned()?,
        rule: 0,
        clause: None,
        expected: Vec::new(),
        actual: None,
    })
}

fn reach<'p>(rule: &'p Rule, facts: &Facts<'_, impl Attributes>) -> Reach<'p> {
    best(&rule.from, facts)
        .and(best(&rule.to, facts))
        .and(all(&rule.when, facts))
}

/// The alternative that came nearest; of several the first.
fn best<'p>(alternatives: &'p [Alternative], facts: &Facts<'_, impl Attributes>) -> Reach<'p> {
    alternatives
        .iter()
        .map(|alternative| all(&alternative.0, facts))
        .reduce(|best, next| match next.beats(&best) {
            true => next,
            false => best,
        })
        .unwrap_or_default()
}

fn all<'p>(clauses: &'p [Clause], facts: &Facts<'_, impl Attributes>) -> Reach<'p> {
    clauses
        .iter()
        .map(|clause| match facts.holds(clause) {
            true => Reach {
                held: 1,
                ..Reach::default()
            },
            false => Reach {
                failed: 1,
                first_failed: Some(clause),
                ..Reach::default()
            },
        })
        .fold(Reach::default(), Reach::and)
}

/// The values as they are written; those of a `not` field say so.
fn expected(clause: &Clause) -> Vec<String> {
    clause
        .values
        .iter()
        .map(|value| match clause.negated {
            true => format!("not {value}"),
            false => value.clone(),
        })
        .collect()
}

// === impl Reach ===

impl Reach<'_> {
    fn rank(&self) -> (usize, Reverse<usize>) {
        (self.held, Reverse(self.failed))
    }

    /// Whether it is nearer: an alternative that holds altogether is, whatever another one has.
    fn beats(&self, other: &Self) -> bool {
        (self.failed == 0, self.rank()) > (other.failed == 0, other.rank())
    }

    fn and(self, next: Self) -> Self {
        Self {
            held: self.held.saturating_add(next.held),
            failed: self.failed.saturating_add(next.failed),
            first_failed: self.first_failed.or(next.first_failed),
        }
    }
}
