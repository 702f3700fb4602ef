//! One key set and when it is fetched.

use super::{Fetch, FetchError, Fetched, KeySetId, discovery};
use crate::jose::KeySet;
use crate::resource::request_authentication::{HttpUrl, RemoteKeys, RemoteOrigin};

/// Keys are fetched anew after this many seconds, as by istiod.
const REFRESH: i64 = 20 * 60;

/// After failures, fetches are this many seconds apart at most.
const MAX_BACKOFF: i64 = 60;

/// A request may cause a fetch this many seconds after the last one failed.
const RETRY_ON_DEMAND: i64 = 5;

/// An unknown key id may cause a fetch this many seconds after the last one ended. More often, and
/// forged tokens would drive the issuer.
const REFETCH: i64 = 30;

/// What the store has.
#[derive(Clone, Copy, Debug)]
pub enum Lookup<'a> {
    /// The keys.
    Ready(&'a KeySet),
    /// They are on their way, or can be fetched now.
    Pending,
    /// They could not be fetched a moment ago.
    Failed,
}

#[derive(Clone, Debug)]
pub struct Entry {
    source: RemoteKeys,
    /// Where discovery says that the keys are.
    discovered: Option<HttpUrl>,
    keys: Option<KeySet>,
    /// What the keys were read from, to tell whether they changed.
    body: Vec<u8>,
    generation: u64,
    fetched_at: Option<i64>,
    /// When the fetch that is on its way counts as lost.
    deadline: Option<i64>,
    last_end: Option<i64>,
    failures: u32,
    next: i64,
}

impl Entry {
    pub fn new(source: RemoteKeys) -> Self {
        Self {
            source,
            discovered: None,
            keys: None,
            body: Vec::new(),
            generation: 0,
            fetched_at: None,
            deadline: None,
            last_end: None,
            failures: 0,
            next: i64::MIN,
        }
    }

    pub fn is_same(&self, other: &Self) -> bool {
        self.source.origin == other.source.origin
    }

    pub fn adopt(&mut self, old: &Self) {
        let source = self.source.clone();
        *self = Self {
            source,
            deadline: None,
            ..old.clone()
        };
        if old.deadline.is_some() {
            // The old store waits for that fetch, not this one.
            self.next = i64::MIN;
        }
    }

    pub fn start(&mut self, id: KeySetId, now: i64) -> Option<Fetch> {
        if self.is_on_its_way(now) || self.next > now {
            return None;
        }
        let timeout = self.source.timeout;
        let seconds = i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX);
        // One second for the part of it that is cut off, and one for the host to tell.
        self.deadline = Some(now.saturating_add(seconds).saturating_add(2));
        let url = match (&self.source.origin, &self.discovered) {
            (RemoteOrigin::Jwks(url), _) | (_, Some(url)) => url,
            (RemoteOrigin::Discovery { document, .. }, None) => document,
        };
        Some(Fetch {
            id,
            url: url.clone(),
            timeout,
        })
    }

    pub fn next(&self) -> i64 {
        self.deadline.unwrap_or(self.next)
    }

    pub fn want(&mut self, now: i64) {
        self.next = self.next.min(now);
    }

    pub fn on_fetched(&mut self, body: &[u8], now: i64) -> Result<Fetched, FetchError> {
        let result = match (&self.source.origin, &self.discovered) {
            (RemoteOrigin::Discovery { issuer, .. }, None) => {
                discovery::jwks_uri(body, issuer).map(|url| self.on_discovered(url, now))
            }
            _ => KeySet::parse(body)
                .map_err(FetchError::KeySet)
                .map(|keys| self.on_keys(keys, body, now)),
        };
        if result.is_err() {
            self.on_failed(now);
        }
        result
    }

    pub fn on_shared(&mut self, body: &[u8], then: i64) -> Result<(), FetchError> {
        let keys = KeySet::parse(body).map_err(FetchError::KeySet)?;
        self.on_keys(keys, body, then);
        Ok(())
    }

    pub fn on_failed(&mut self, now: i64) {
        let backoff = 1_i64
            .checked_shl(self.failures.min(16))
            .unwrap_or(MAX_BACKOFF)
            .min(MAX_BACKOFF);
        self.failures = self.failures.saturating_add(1);
        self.next = now.saturating_add(backoff);
        self.last_end = Some(now);
        self.deadline = None;
        // The keys may have moved.
        self.discovered = None;
    }

    pub fn lookup(&self, now: i64) -> Lookup<'_> {
        match (&self.keys, self.failures) {
            (Some(keys), _) => Lookup::Ready(keys),
            (None, 0) => Lookup::Pending,
            _ if self.is_on_its_way(now) || self.rested(now, RETRY_ON_DEMAND) => Lookup::Pending,
            _ => Lookup::Failed,
        }
    }

    pub fn may_refetch(&self, now: i64) -> bool {
        self.is_on_its_way(now) || self.rested(now, REFETCH)
    }

    pub fn generation(&self) -> u64 {
        self.generation
    }

    pub fn fetched_at(&self) -> Option<i64> {
        self.fetched_at
    }

    fn on_discovered(&mut self, url: HttpUrl, now: i64) -> Fetched {
        self.discovered = Some(url);
        self.deadline = None;
        self.next = now;
        Fetched::Discovery
    }

    fn on_keys(&mut self, keys: KeySet, body: &[u8], now: i64) -> Fetched {
        let changed = self.keys.is_none() || self.body != body;
        if changed {
            self.keys = Some(keys);
            self.body = body.to_vec();
            self.generation = self.generation.saturating_add(1);
        }
        self.fetched_at = Some(now);
        self.last_end = Some(now);
        self.deadline = None;
        self.failures = 0;
        self.next = now.saturating_add(REFRESH);
        Fetched::Keys { changed }
    }

    fn is_on_its_way(&self, now: i64) -> bool {
        self.deadline.is_some_and(|deadline| now < deadline)
    }

    fn rested(&self, now: i64, seconds: i64) -> bool {
        self.last_end
            .is_none_or(|end| now.saturating_sub(end) >= seconds)
    }
}
