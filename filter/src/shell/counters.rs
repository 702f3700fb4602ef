//! Counters, which Envoy shows as `wasmcustom.palisade.*`.

use log::warn;
use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::decision::{Evidence, Phase, Verdict};

/// The counters of one plugin.
pub(super) struct Counters {
    allowed: Counter,
    denied_custom: Counter,
    denied_authn: Counter,
    denied_authz: Counter,
    would_deny: Counter,
    audited: Counter,
    /// Key sets fetched.
    pub(super) fetch_success: Counter,
    /// Key sets that could not be fetched.
    pub(super) fetch_failure: Counter,
}

/// One counter; counts nothing when the host refused to define it.
#[derive(Clone, Copy)]
pub(super) struct Counter(Option<u32>);

impl Counters {
    /// Defines every counter, so that each shows as 0 from the start.
    pub(super) fn define() -> Self {
        Self {
            allowed: Counter::define("palisade.allowed"),
            denied_custom: Counter::define("palisade.denied.custom"),
            denied_authn: Counter::define("palisade.denied.authn"),
            denied_authz: Counter::define("palisade.denied.authz"),
            would_deny: Counter::define("palisade.dry_run.denied"),
            audited: Counter::define("palisade.audited"),
            fetch_success: Counter::define("palisade.jwks.fetch_success"),
            fetch_failure: Counter::define("palisade.jwks.fetch_failure"),
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
}

impl Counter {
    /// Defines the counter `name`.
    pub(super) fn define(name: &str) -> Self {
        let id = hostcalls::define_metric(MetricType::Counter, name);
        if let Err(status) = id {
            warn!("counter `{name}` is not available: {status:?}");
        }
        Self(id.ok())
    }

    /// Adds one.
    pub(super) fn increment(self) {
        if let Some(id) = self.0 {
            // A host that loses a counter still gets the verdict.
            let _ = hostcalls::increment_metric(id, 1);
        }
    }
}
