//! Data that the VMs of one Envoy share, with compare-and-swap.

use std::collections::BTreeMap;

use super::status::Status;

/// Values by key, each with a number that changes with it.
#[derive(Clone, Debug, Default)]
pub(super) struct SharedData {
    values: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    last_cas: u32,
}

impl SharedData {
    pub(super) fn get(&self, key: &[u8]) -> Option<(Vec<u8>, u32)> {
        self.values.get(key).cloned()
    }

    /// Sets `key`; a `cas` that is not 0 must be the number of the value that is there.
    pub(super) fn set(&mut self, key: Vec<u8>, value: Vec<u8>, cas: u32) -> Status {
        let current = self.values.get(&key).map(|(_, cas)| *cas);
        if cas != 0 && current.is_some_and(|current| current != cas) {
            return Status::CasMismatch;
        }
        self.last_cas = self.last_cas.wrapping_add(1).max(1);
        self.values.insert(key, (value, self.last_cas));
        Status::Ok
    }
}
