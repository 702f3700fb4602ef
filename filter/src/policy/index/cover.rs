//! Choosing the cover of a rule.

use std::collections::BTreeMap;

use super::attribute::{Attribute, is_indexable};
use super::keys::{self, Key};
use crate::policy::{Alternative, Clause, Rule};

/// What all rules want, counted.
pub(super) struct Covers {
    attributes: BTreeMap<Attribute, u64>,
    /// In how many clauses a key stands.
    counts: BTreeMap<Key, u32>,
}

/// Keys one of which a request has if a part of a rule holds, and the count of the commonest.
type Cover = (u32, Vec<Key>);

impl Covers {
    /// Counts the keys of `rules`.
    pub(super) fn count(rules: &[Rule]) -> Self {
        let mut attributes = BTreeMap::new();
        let mut counts: BTreeMap<Key, u32> = BTreeMap::new();
        for clause in rules
            .iter()
            .flat_map(Rule::clauses)
            .filter(|clause| is_indexable(clause))
        {
            let mut number = |attribute| {
                let next = attributes.len() as u64;
                *attributes.entry(attribute).or_insert(next)
            };
            for key in keys::of(clause, &mut number).into_iter().flatten() {
                let count = counts.entry(key).or_default();
                *count = count.saturating_add(1);
            }
        }
        Self { attributes, counts }
    }

    /// The cover of a rule; `None` where it has none.
    pub(super) fn choose(&self, rule: &Rule) -> Option<Vec<Key>> {
        let groups = [self.any(&rule.from), self.any(&rule.to)];
        let conditions = rule.when.iter().map(|clause| self.clause(clause));
        let covers = groups.into_iter().chain(conditions).flatten();
        covers.min_by_key(|(count, _)| *count).map(|(_, keys)| keys)
    }

    /// The attributes with their numbers.
    pub(super) fn into_attributes(self) -> impl Iterator<Item = (Attribute, u64)> {
        self.attributes.into_iter()
    }

    /// One of the alternatives has to hold: a cover of each is needed.
    fn any(&self, alternatives: &[Alternative]) -> Option<Cover> {
        let mut cover: Option<Cover> = None;
        for alternative in alternatives {
            let (count, keys) = self.all(&alternative.0)?;
            let (most, all) = cover.get_or_insert_default();
            *most = count.max(*most);
            all.extend(keys);
        }
        cover
    }

    /// All of the clauses have to hold: the best cover of one is enough.
    fn all(&self, clauses: &[Clause]) -> Option<Cover> {
        let covers = clauses.iter().filter_map(|clause| self.clause(clause));
        covers.min_by_key(|(count, _)| *count)
    }

    /// One of the values has to match: the best key of each is needed.
    fn clause(&self, clause: &Clause) -> Option<Cover> {
        if !is_indexable(clause) {
            return None;
        }
        // Every attribute has got its number already.
        let mut number = |attribute| self.attributes.get(&attribute).copied().unwrap_or(u64::MAX);
        let mut cover: Cover = (0, Vec::new());
        for value in keys::of(clause, &mut number) {
            let count = |key: &Key| self.counts.get(key).copied().unwrap_or(u32::MAX);
            let best = value.into_iter().min_by_key(count)?;
            cover.0 = cover.0.max(count(&best));
            cover.1.push(best);
        }
        Some(cover)
    }
}
