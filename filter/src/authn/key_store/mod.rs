//! The key sets of issuers, fetched and kept.
//!
//! The store does no I/O and has no clock: the shell asks what is due, fetches it, and says what
//! came back. Times are seconds since the Unix epoch.
//!
//! Keys that were fetched once are kept until newer ones arrive, however long the issuer is down.
//! Before the first fetch tokens wait; after it failed they are refused, and requests without
//! token pass. No other key ever takes the place of missing ones.

mod discovery;
mod entry;
mod error;

pub use entry::Lookup;
pub use error::FetchError;

use std::time::Duration;

use entry::Entry;

use crate::resource::request_authentication::{HttpUrl, RemoteKeys};

/// Names a key set; see [`Authenticator::sources`](super::Authenticator::sources).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySetId(usize);

/// All key sets of a configuration.
#[derive(Clone, Debug, Default)]
pub struct KeyStore {
    entries: Vec<Entry>,
}

/// A document that is to be fetched with GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Whom it is for.
    pub id: KeySetId,
    /// Where it is.
    pub url: HttpUrl,
    /// How long it may take.
    pub timeout: Duration,
}

/// What a fetched document was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The keys; whether they differ from those before.
    Keys {
        /// Whether anything changed.
        changed: bool,
    },
    /// The discovery document: the keys are due now.
    Discovery,
}

/// Collects key sets, each once.
#[derive(Debug, Default)]
pub(super) struct Sources(Vec<RemoteKeys>);

// === impl KeyStore ===

impl KeyStore {
    /// A store for these sources, all of them due at once.
    pub fn new(sources: &[RemoteKeys]) -> Self {
        Self {
            entries: sources.iter().cloned().map(Entry::new).collect(),
        }
    }

    /// Takes over the keys of another store, so that a new configuration starts with those that
    /// the old one had.
    pub fn adopt(&mut self, old: &KeyStore) {
        for entry in &mut self.entries {
            if let Some(before) = old.entries.iter().find(|before| before.is_same(entry)) {
                entry.adopt(before);
            }
        }
    }

    /// What has to be fetched now. Each is given once, until its outcome is told or its time is
    /// over.
    pub fn due(&mut self, now: i64) -> Vec<Fetch> {
        let entries = self.entries.iter_mut().enumerate();
        entries
            .filter_map(|(index, entry)| entry.start(KeySetId(index), now))
            .collect()
    }

    /// When something is due next, if nothing happens before.
    pub fn next_due(&self) -> Option<i64> {
        self.entries.iter().map(Entry::next).min()
    }

    /// A request waits for these keys: they become due, unless a fetch is on its way.
    pub fn want(&mut self, id: KeySetId, now: i64) {
        if let Some(entry) = self.entries.get_mut(id.0) {
            entry.want(now);
        }
    }

    /// A document arrived. An error is a failed fetch.
    pub fn on_fetched(
        &mut self,
        id: KeySetId,
        body: &[u8],
        now: i64,
    ) -> Result<Fetched, FetchError> {
        match self.entries.get_mut(id.0) {
            Some(entry) => entry.on_fetched(body, now),
            None => Err(FetchError::UnknownId),
        }
    }

    /// Another store fetched these keys at `then`.
    pub fn on_shared(&mut self, id: KeySetId, body: &[u8], then: i64) -> Result<(), FetchError> {
        match self.entries.get_mut(id.0) {
            Some(entry) => entry.on_shared(body, then),
            None => Err(FetchError::UnknownId),
        }
    }

    /// A fetch failed.
    pub fn on_failed(&mut self, id: KeySetId, now: i64) {
        if let Some(entry) = self.entries.get_mut(id.0) {
            entry.on_failed(now);
        }
    }

    /// The keys, or why there are none.
    pub fn lookup(&self, id: KeySetId, now: i64) -> Lookup<'_> {
        match self.entries.get(id.0) {
            Some(entry) => entry.lookup(now),
            None => Lookup::Failed,
        }
    }

    /// Whether it is time to look for a key that is not in the set.
    pub fn may_refetch(&self, id: KeySetId, now: i64) -> bool {
        self.entries
            .get(id.0)
            .is_some_and(|entry| entry.may_refetch(now))
    }

    /// Counts the key sets that were in this place: whatever an older one verified may not be
    /// verified any more.
    pub fn generation(&self, id: KeySetId) -> u64 {
        self.entries.get(id.0).map_or(0, Entry::generation)
    }

    /// When the keys were fetched, if ever.
    pub fn fetched_at(&self, id: KeySetId) -> Option<i64> {
        self.entries.get(id.0).and_then(Entry::fetched_at)
    }
}

// === impl KeySetId ===

impl KeySetId {
    /// Its index in [`Authenticator::sources`](super::Authenticator::sources).
    pub fn index(self) -> usize {
        self.0
    }
}

// === impl Sources ===

impl Sources {
    /// The id of this key set. Of several timeouts for one origin the longest counts.
    pub fn add(&mut self, keys: &RemoteKeys) -> KeySetId {
        let same = |known: &RemoteKeys| known.origin == keys.origin;
        match self.0.iter().position(same) {
            Some(index) => {
                if let Some(known) = self.0.get_mut(index) {
                    known.timeout = known.timeout.max(keys.timeout);
                }
                KeySetId(index)
            }
            None => {
                self.0.push(keys.clone());
                KeySetId(self.0.len().saturating_sub(1))
            }
        }
    }

    pub fn into_inner(self) -> Vec<RemoteKeys> {
        self.0
    }
}
