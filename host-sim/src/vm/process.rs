//! What the VMs of one Envoy have in common.

use std::time::Duration;

use super::metrics::Metrics;
use super::shared_data::SharedData;
use super::state::LogLevel;
use super::upstream::{CallAnswer, Upstreams};

/// The simulated Envoy process.
#[derive(Debug, Default)]
pub(super) struct Process {
    /// Time since the Unix epoch.
    pub(super) now: Duration,
    pub(super) shared_data: SharedData,
    pub(super) metrics: Metrics,
    pub(super) upstreams: Upstreams,
    pub(super) logs: Vec<LogLine>,
    pub(super) log_level: LogLevel,
    pub(super) pending: Vec<PendingCall>,
    pub(super) last_token: u32,
    pub(super) random: u64,
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How grave it is.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// The VM that wrote it: 0 is the main thread, then the workers.
    pub vm: usize,
}

/// A call whose answer is still to come.
#[derive(Clone, Debug)]
pub(super) struct PendingCall {
    pub(super) vm: usize,
    /// Where the answer goes: Envoy calls the root, whoever made the call.
    pub(super) root: u32,
    pub(super) token: u32,
    pub(super) due: Duration,
    pub(super) answer: CallAnswer,
}

impl Process {
    /// The next 64 random bits, the same in every run (SplitMix64).
    pub(super) fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}
