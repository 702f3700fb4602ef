//! From the values of a request to the few rules that can match it.
//!
//! Of each rule one list of values that a request must have something of is chosen at load (a
//! cover): the one that it shares with the fewest other rules. The rule stands in a bucket for each
//! value of its cover. A request looks up the buckets of the values that it has, and only the rules
//! there are tried, by the plain evaluator. A rule without any cover is tried for every request.
//! The index leaves out rules, and never decides.

mod attribute;
mod cover;
mod hash;
mod keys;
mod lookup;

use std::collections::BTreeMap;

use super::Rule;
use attribute::Attribute;
use cover::Covers;
use keys::{Key, Kind};

/// The rules of a set, by the values that requests must have to match them.
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Rules to try for every request.
    always: Box<[u32]>,
    dimensions: Vec<Dimension>,
    /// The hashes of values, ascending.
    keys: Box<[u64]>,
    /// Where the rules of each key begin in `rules`.
    starts: Box<[u32]>,
    rules: Box<[u32]>,
}

/// One attribute that values are looked up of.
#[derive(Clone, Debug)]
struct Dimension {
    number: u64,
    attribute: Attribute,
    /// Rules to try when there is any value.
    any: Box<[u32]>,
    /// The lengths of its prefixes, of its suffixes and of its address blocks, ascending.
    prefixes: Box<[usize]>,
    suffixes: Box<[usize]>,
    blocks: Box<[usize]>,
}

// === impl Index ===

impl Index {
    /// The index of `rules`, which are meant by their positions.
    pub fn new(rules: &[Rule]) -> Self {
        let covers = Covers::count(rules);
        let mut always = Vec::new();
        let mut buckets: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        let mut used: BTreeMap<u64, Vec<(Key, u32)>> = BTreeMap::new();
        for (id, rule) in (0_u32..).zip(rules) {
            let Some(keys) = covers.choose(rule) else {
                always.push(id);
                continue;
            };
            for key in keys {
                used.entry(key.dimension).or_default().push((key, id));
                if key.kind != Kind::Any {
                    buckets.entry(key.hash).or_default().push(id);
                }
            }
        }
        let dimensions = covers
            .into_attributes()
            .filter_map(|(attribute, number)| {
                Some(Dimension::new(number, attribute, used.get(&number)?))
            })
            .collect();
        let (mut keys, mut starts, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for (key, bucket) in buckets {
            keys.push(key);
            starts.push(u32::try_from(ids.len()).unwrap_or(u32::MAX));
            ids.extend(distinct(bucket));
        }
        Self {
            always: always.into(),
            dimensions,
            keys: keys.into(),
            starts: starts.into(),
            rules: ids.into(),
        }
    }

    fn bucket(&self, key: u64) -> &[u32] {
        let Ok(at) = self.keys.binary_search(&key) else {
            return &[];
        };
        let place = |at: usize| {
            let start = self.starts.get(at)?;
            usize::try_from(*start).ok()
        };
        let start = place(at).unwrap_or(0);
        let end = place(at.saturating_add(1)).unwrap_or(self.rules.len());
        self.rules.get(start..end).unwrap_or_default()
    }
}

// === impl Dimension ===

impl Dimension {
    fn new(number: u64, attribute: Attribute, keys: &[(Key, u32)]) -> Self {
        let lens = |kind: Kind| {
            let of_kind = keys.iter().filter(|(key, _)| key.kind == kind);
            distinct(of_kind.map(|(key, _)| key.len).collect()).into()
        };
        let any = keys.iter().filter(|(key, _)| key.kind == Kind::Any);
        Self {
            number,
            attribute,
            any: distinct(any.map(|(_, id)| *id).collect()).into(),
            prefixes: lens(Kind::Prefix),
            suffixes: lens(Kind::Suffix),
            blocks: lens(Kind::Block),
        }
    }
}

fn distinct<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort_unstable();
    list.dedup();
    list
}
