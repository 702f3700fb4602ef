//! Fetching key sets through Envoy's clusters, once for all VMs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use log::{info, warn};
use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use super::abi;
use super::counters::Counters;
use super::shared::Shared;
use crate::authn::{Fetch, Fetched, KeySetId, KeyStore};
use crate::config::JwksClusters;
use crate::resource::request_authentication::RemoteKeys;

/// A larger answer is no key set.
const MAX_BODY: usize = 1 << 20;

/// How much longer than its own time-out another VM's fetch is waited for, in seconds.
const LEASE_MARGIN: i64 = 1;

/// How old, in seconds, a key set may be that another VM fetched.
const FRESH: i64 = 20 * 60;

/// Fetches what a [`KeyStore`] is due.
pub(super) struct Fetcher {
    clusters: JwksClusters,
    counters: Rc<Counters>,
    shared: Vec<Shared>,
    calls: RefCell<BTreeMap<u32, Fetch>>,
    /// Fetches that another VM makes, and since when.
    elsewhere: RefCell<BTreeMap<KeySetId, i64>>,
}

impl Fetcher {
    /// A fetcher for `sources` that reaches them through `clusters`.
    pub(super) fn new(
        sources: &[RemoteKeys],
        clusters: JwksClusters,
        counters: Rc<Counters>,
    ) -> Self {
        let shared = sources.iter().map(|source| {
            let url = source.origin.first_url();
            Shared::new(clusters.cluster(url).unwrap_or_default(), url.as_str())
        });
        Self {
            shared: shared.collect(),
            clusters,
            counters,
            calls: RefCell::default(),
            elsewhere: RefCell::default(),
        }
    }

    /// Makes ready what VMs share; to be called before any of them fetches.
    pub(super) fn prepare(&self) {
        self.shared.iter().for_each(Shared::prepare);
    }

    /// Starts what is due at `now` and takes over what other VMs fetched; says which key sets are
    /// not waited for any more.
    pub(super) fn run(&self, keys: &mut KeyStore, now: i64) -> Vec<KeySetId> {
        let mut settled = Vec::new();
        let elsewhere: Vec<_> = self
            .elsewhere
            .borrow()
            .iter()
            .map(|(id, since)| (*id, *since))
            .collect();
        for (id, since) in elsewhere {
            if self.take_over(id, keys, now) || self.take_over_failure(id, since, keys) {
                self.elsewhere.borrow_mut().remove(&id);
                settled.push(id);
            }
        }
        for fetch in keys.due(now) {
            self.elsewhere.borrow_mut().remove(&fetch.id);
            if self.take_over(fetch.id, keys, now) || self.start(&fetch, keys, now) {
                settled.push(fetch.id);
            }
        }
        settled
    }

    /// The answer to `call` with a body of `size` bytes is there; says which key set is not waited
    /// for any more.
    pub(super) fn on_response(
        &self,
        call: u32,
        size: usize,
        keys: &mut KeyStore,
        now: i64,
    ) -> Option<KeySetId> {
        let fetch = self.calls.borrow_mut().remove(&call)?;
        let fetched = answer(size).and_then(|body| {
            let fetched = keys.on_fetched(fetch.id, &body, now);
            fetched
                .map(|fetched| (fetched, body))
                .map_err(|error| error.to_string())
        });
        match fetched {
            Ok((Fetched::Discovery, _)) => {
                self.with_shared(fetch.id, Shared::release);
                None
            }
            Ok((Fetched::Keys { changed }, body)) => {
                if changed {
                    info!("new key set from `{}`", fetch.url);
                }
                self.counters.fetch_success.increment();
                self.with_shared(fetch.id, |shared| shared.publish(now, &body));
                Some(fetch.id)
            }
            Err(reason) => {
                self.fail(&fetch, &reason, keys, now);
                Some(fetch.id)
            }
        }
    }

    /// Starts a fetch, unless another VM is at it; whether it failed at once.
    fn start(&self, fetch: &Fetch, keys: &mut KeyStore, now: i64) -> bool {
        let Some(cluster) = self.clusters.cluster(&fetch.url) else {
            self.fail(fetch, "no cluster in `jwksClusters` for it", keys, now);
            return true;
        };
        let seconds = i64::try_from(fetch.timeout.as_secs()).unwrap_or(i64::MAX);
        let lease = seconds.saturating_add(LEASE_MARGIN);
        if self.with_shared(fetch.id, |shared| shared.lease(now, lease)) == Some(false) {
            self.elsewhere.borrow_mut().insert(fetch.id, now);
            return false;
        }
        match dispatch(cluster, fetch) {
            Ok(call) => {
                self.calls.borrow_mut().insert(call, fetch.clone());
                false
            }
            Err(reason) => {
                self.fail(fetch, &reason, keys, now);
                true
            }
        }
    }

    /// Whether another VM has fetched newer keys.
    fn take_over(&self, id: KeySetId, keys: &mut KeyStore, now: i64) -> bool {
        let Some((then, body)) = self.with_shared(id, Shared::keys).flatten() else {
            return false;
        };
        let newer = keys.fetched_at(id).is_none_or(|fetched| then > fetched);
        let fresh = now.saturating_sub(then) < FRESH;
        newer && fresh && keys.on_shared(id, &body, then).is_ok()
    }

    /// Whether another VM has failed since `since`.
    fn take_over_failure(&self, id: KeySetId, since: i64, keys: &mut KeyStore) -> bool {
        let failed_at = self.with_shared(id, Shared::failed_at).flatten();
        match failed_at.filter(|then| *then >= since) {
            Some(then) => {
                keys.on_failed(id, then);
                true
            }
            None => false,
        }
    }

    fn fail(&self, fetch: &Fetch, reason: &str, keys: &mut KeyStore, now: i64) {
        warn!("key set not fetched from `{}`: {reason}", fetch.url);
        self.counters.fetch_failure.increment();
        keys.on_failed(fetch.id, now);
        self.with_shared(fetch.id, |shared| shared.publish_failure(now));
    }

    fn with_shared<R>(&self, id: KeySetId, use_it: impl FnOnce(&Shared) -> R) -> Option<R> {
        self.shared.get(id.index()).map(use_it)
    }
}

fn dispatch(cluster: &str, fetch: &Fetch) -> Result<u32, String> {
    let headers = [
        (":method", "GET"),
        (":scheme", fetch.url.scheme()),
        (":authority", fetch.url.authority()),
        (":path", fetch.url.path_and_query()),
        ("accept", "application/json"),
    ];
    abi::http_call(cluster, headers, &[], fetch.timeout)
        .map_err(|status| format!("cluster `{cluster}` takes no call: status {status}"))
}

fn answer(size: usize) -> Result<Vec<u8>, String> {
    let status = hostcalls::get_map_value_bytes(MapType::HttpCallResponseHeaders, ":status")
        .ok()
        .flatten()
        .ok_or("no answer")?;
    if status != b"200" {
        return Err(format!("status {}", String::from_utf8_lossy(&status)));
    }
    if size > MAX_BODY {
        return Err(format!("{size} bytes are more than {MAX_BODY}"));
    }
    hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, size)
        .ok()
        .flatten()
        .ok_or_else(|| "no body".to_owned())
}
