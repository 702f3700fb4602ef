//! Envoy's stats store, as far as plugins write to it.

use std::collections::BTreeMap;

/// Counters, gauges and histograms of every VM together, by name.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    names: Vec<String>,
    values: BTreeMap<String, u64>,
}

impl Metrics {
    /// The value of the metric `name`; `None` when nobody defined it.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.values.get(name).copied()
    }

    /// Every metric.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
    }

    /// The number by which a plugin calls the metric `name`.
    pub(super) fn define(&mut self, name: String) -> usize {
        self.values.entry(name.clone()).or_default();
        match self.names.iter().position(|known| *known == name) {
            Some(id) => id,
            None => {
                self.names.push(name);
                self.names.len() - 1
            }
        }
    }

    /// The metric that a plugin calls `id`.
    pub(super) fn by_id(&mut self, id: usize) -> Option<&mut u64> {
        self.values.get_mut(self.names.get(id)?)
    }
}
