//! Saying what was decided: filter state for the access log, the debug log, counters.

use log::{Level, debug, log_enabled, warn};

use super::abi;
use super::counters::Counters;
use crate::config::Reported;
use crate::decision::{Evidence, Verdict};

/// The filter state key of the evidence: `%FILTER_STATE(wasm.palisade:PLAIN)%`.
const FILTER_STATE: &str = "palisade";

/// Evidence takes so many bytes at most, most often.
const TYPICAL: usize = 512;

/// Whether decisions are to be explained in full.
pub(super) fn in_full() -> bool {
    log_enabled!(Level::Debug)
}

/// Counts a decision, and tells it where it is one of those `reported`.
pub(super) fn report(evidence: &Evidence, reported: Reported, counters: &Counters) {
    counters.count(evidence);
    let notable = evidence.verdict == Verdict::Deny
        || !evidence.audit.is_empty()
        || !evidence.dry_run.is_empty();
    if reported == Reported::Notable && !notable && !in_full() {
        return;
    }
    let mut text = Vec::with_capacity(TYPICAL);
    if let Err(error) = evidence.write_json(&mut text) {
        return warn!("a decision could not be reported: {error}");
    }
    if !abi::set_property(FILTER_STATE, &text) {
        warn!("filter state `{FILTER_STATE}` is not writable");
    }
    debug!("decision {}", String::from_utf8_lossy(&text));
}
