//! The state of one VM.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use super::process::Process;
use super::stream::Stream;
use super::upstream::CallAnswer;

/// How grave a log line is, as Envoy counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace,
    Debug,
    #[default]
    Info,
    Warn,
    Error,
    Critical,
}

/// What becomes of later requests after a trap (Envoy's `failure_policy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Traps {
    /// A new VM is started.
    #[default]
    Reload,
    /// Every later request is answered 503.
    Closed,
    /// Every later request passes.
    Open,
}

/// What a store carries.
pub(super) struct State {
    /// The VM's number: 0 is the main thread, then the workers.
    pub(super) vm: usize,
    pub(super) process: Rc<RefCell<Process>>,
    pub(super) limits: wasmtime::StoreLimits,
    /// The root context of the configuration in force.
    pub(super) root: u32,
    /// The context that host calls are about.
    pub(super) effective: u32,
    pub(super) streams: BTreeMap<u32, Stream>,
    pub(super) ticks: BTreeMap<u32, Tick>,
    pub(super) configuration: Vec<u8>,
    pub(super) call_answer: Option<CallAnswer>,
    /// How often each function was called since this was last emptied.
    pub(super) host_calls: BTreeMap<&'static str, u64>,
    /// Foreign functions that this Envoy does not have.
    pub(super) without: Vec<String>,
}

/// The timer of a root context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tick {
    pub(super) period: Duration,
    pub(super) due: Duration,
}

// === impl LogLevel ===

impl LogLevel {
    /// The level that the ABI numbers so.
    pub(super) fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            0 => Self::Trace,
            1 => Self::Debug,
            2 => Self::Info,
            3 => Self::Warn,
            4 => Self::Error,
            5 => Self::Critical,
            _ => return None,
        })
    }
}

// === impl State ===

impl State {
    /// The stream that host calls are about.
    pub(super) fn stream(&mut self) -> Option<&mut Stream> {
        self.streams.get_mut(&self.effective)
    }

    /// The root of the context in hand.
    pub(super) fn effective_root(&self) -> u32 {
        match self.streams.contains_key(&self.effective) {
            true => self.root,
            false => self.effective,
        }
    }
}
