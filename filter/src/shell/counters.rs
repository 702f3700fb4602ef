//! Counters, which Envoy shows as `wasmcustom.palisade.*`.
//!
//! They are added up here and told once a tick: a host call for every request would cost more than
//! its decision.

use std::cell::Cell;

use log::warn;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::authn::TokenCacheStats;
use crate::decision::{Evidence, Phase, Verdict};

/// The counters of one plugin.
pub(super) struct Counters {
    allowed: Metric,
    denied_custom: Metric,
    denied_authn: Metric,
    denied_authz: Metric,
    would_deny: Metric,
    audited: Metric,
    token_cache_hits: Metric,
    token_cache_entries: Metric,
    token_cache_bytes: Metric,
    /// What was told of the token cache so far.
    token_cache: Cell<TokenCacheStats>,
    /// Key sets fetched.
    pub(super) fetch_success: Metric,
    /// Key sets that could not be fetched.
    pub(super) fetch_failure: Metric,
}

/// One metric; shows nothing when the host refused to define it.
pub(super) struct Metric {
    id: Option<u32>,
    untold: Cell<i64>,
}

impl Counters {
    /// Defines every counter, so that each shows as 0 from the start.
    pub(super) fn define() -> Self {
        Self {
            allowed: Metric::counter("palisade.allowed"),
            denied_custom: Metric::counter("palisade.denied.custom"),
            denied_authn: Metric::counter("palisade.denied.authn"),
            denied_authz: Metric::counter("palisade.denied.authz"),
            would_deny: Metric::counter("palisade.dry_run.denied"),
            audited: Metric::counter("palisade.audited"),
            token_cache_hits: Metric::counter("palisade.token_cache.hits"),
            token_cache_entries: Metric::gauge("palisade.token_cache.entries"),
            token_cache_bytes: Metric::gauge("palisade.token_cache.bytes"),
            token_cache: Cell::default(),
            fetch_success: Metric::counter("palisade.jwks.fetch_success"),
            fetch_failure: Metric::counter("palisade.jwks.fetch_failure"),
        }
    }

    /// Counts a decision.
    pub(super) fn count(&self, evidence: &Evidence) {
        match (evidence.verdict, evidence.phase) {
            (Verdict::Allow, _) => self.allowed.increment(),
            (Verdict::Deny, Phase::Custom) => self.denied_custom.increment(),
            (Verdict::Deny, Phase::Authn) => self.denied_authn.increment(),
            (Verdict::Deny, _) => self.denied_authz.increment(),
        }
        if evidence
            .dry_run
            .iter()
            .any(|run| run.verdict == Verdict::Deny)
        {
            self.would_deny.increment();
        }
        if !evidence.audit.is_empty() {
            self.audited.increment();
        }
    }

    /// Tells the host what is new; the VMs add up, so each tells what it has more or less.
    pub(super) fn tell(&self, now: TokenCacheStats) {
        let before = self.token_cache.replace(now);
        self.token_cache_hits.add(growth(before.hits, now.hits));
        self.token_cache_entries
            .add(growth(before.entries, now.entries));
        self.token_cache_bytes.add(growth(before.bytes, now.bytes));
        for metric in self.all() {
            metric.tell();
        }
    }

    fn all(&self) -> [&Metric; 11] {
        [
            &self.allowed,
            &self.denied_custom,
            &self.denied_authn,
            &self.denied_authz,
            &self.would_deny,
            &self.audited,
            &self.token_cache_hits,
            &self.token_cache_entries,
            &self.token_cache_bytes,
            &self.fetch_success,
            &self.fetch_failure,
        ]
    }
}

/// What is in the token cache goes with the configuration; what was counted stays.
impl Drop for Counters {
    fn drop(&mut self) {
        let hits = self.token_cache.get().hits;
        self.tell(TokenCacheStats {
            hits,
            ..TokenCacheStats::default()
        });
    }
}

impl Metric {
    fn counter(name: &str) -> Self {
        Self::define(MetricType::Counter, name)
    }

    fn gauge(name: &str) -> Self {
        Self::define(MetricType::Gauge, name)
    }

    fn define(kind: MetricType, name: &str) -> Self {
        let id = hostcalls::define_metric(kind, name);
        if let Err(status) = id {
            warn!("metric `{name}` is not available: {status:?}");
        }
        Self {
            id: id.ok(),
            untold: Cell::new(0),
        }
    }

    /// Adds one.
    pub(super) fn increment(&self) {
        self.add(1);
    }

    fn add(&self, count: i64) {
        self.untold.set(self.untold.get().saturating_add(count));
    }

    fn tell(&self) {
        if let (Some(id), count @ (1.. | ..=-1)) = (self.id, self.untold.take()) {
            // A host that loses a metric still gets the verdict.
            let _ = hostcalls::increment_metric(id, count);
        }
    }
}

/// How much more `now` is than `before`.
fn growth(before: impl TryInto<i64>, now: impl TryInto<i64>) -> i64 {
    let int = |value: Option<i64>| value.unwrap_or(i64::MAX);
    int(now.try_into().ok()).saturating_sub(int(before.try_into().ok()))
}
