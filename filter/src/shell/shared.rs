//! What the VMs of one Envoy share: fetched key sets, failures, and who is fetching.
//!
//! Every worker has its own VM. Without sharing, one worker could answer 401 while the next one
//! answers 200, and a key set would be fetched once for every worker.

use proxy_wasm::hostcalls;

/// Integers are 64-bit little-endian.
const INT: usize = 8;

/// The shared entries of one key set.
pub(super) struct Shared {
    keys: String,
    failure: String,
    lease: String,
}

impl Shared {
    /// The entries for what `cluster` serves at `uri`.
    pub(super) fn new(cluster: &str, uri: &str) -> Self {
        let entry = |what| format!("palisade.jwks.{what} {cluster} {uri}");
        Self {
            keys: entry("keys"),
            failure: entry("failure"),
            lease: entry("lease"),
        }
    }

    /// Makes the lease an entry, for only what is there can be compared and swapped.
    pub(super) fn prepare(&self) {
        if get(&self.lease).is_none() {
            self.release();
        }
    }

    /// Shares a key set fetched at `now`.
    pub(super) fn publish(&self, now: i64, body: &[u8]) {
        set(&self.keys, &[now.to_le_bytes().as_slice(), body].concat());
        self.release();
    }

    /// Shares that fetching failed at `now`; the last key set stays.
    pub(super) fn publish_failure(&self, now: i64) {
        set(&self.failure, &now.to_le_bytes());
        self.release();
    }

    /// The last key set and when it was fetched.
    pub(super) fn keys(&self) -> Option<(i64, Vec<u8>)> {
        let value = get(&self.keys)?.0;
        let (time, body) = value.split_first_chunk::<INT>()?;
        Some((i64::from_le_bytes(*time), body.to_vec()))
    }

    /// When fetching failed last.
    pub(super) fn failed_at(&self) -> Option<i64> {
        Some(i64::from_le_bytes(
            *get(&self.failure)?.0.first_chunk::<INT>()?,
        ))
    }

    /// Takes the right to fetch until `now + seconds`, unless another VM has it.
    pub(super) fn lease(&self, now: i64, seconds: i64) -> bool {
        let (held_until, cas) = match get(&self.lease) {
            Some((value, cas)) => (
                value
                    .first_chunk::<INT>()
                    .map(|time| i64::from_le_bytes(*time)),
                cas,
            ),
            None => (None, None),
        };
        if held_until.is_some_and(|until| now < until) {
            return false;
        }
        let until = now.saturating_add(seconds).to_le_bytes();
        hostcalls::set_shared_data(&self.lease, Some(&until), cas).is_ok()
    }

    /// Gives the right to fetch back.
    pub(super) fn release(&self) {
        set(&self.lease, &0_i64.to_le_bytes());
    }
}

fn get(key: &str) -> Option<(Vec<u8>, Option<u32>)> {
    match hostcalls::get_shared_data(key) {
        Ok((Some(value), cas)) => Some((value, cas)),
        _ => None,
    }
}

fn set(key: &str, value: &[u8]) {
    // Without shared data every VM fetches for itself.
    let _ = hostcalls::set_shared_data(key, Some(value), None);
}
