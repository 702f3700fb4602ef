//! One HTTP request or TCP connection in a VM, and what became of it.

use std::collections::BTreeMap;

use super::process::LogLine;
use super::properties::Properties;
use super::request::Header;

/// A stream while it is open.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    pub(super) headers: Vec<Header>,
    pub(super) response: Vec<Header>,
    pub(super) properties: Properties,
    pub(super) filter_state: BTreeMap<String, Vec<u8>>,
    pub(super) reply: Option<Reply>,
    pub(super) resumed: bool,
    pub(super) closed: bool,
    pub(super) in_response: bool,
}

/// An answer to the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Headers without pseudo headers.
    pub headers: Vec<Header>,
    /// Body.
    pub body: Vec<u8>,
    /// Envoy's response code details.
    pub details: String,
}

/// What became of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It went on to the upstream with these headers.
    Forwarded {
        /// Request headers after the plugin.
        headers: Vec<Header>,
    },
    /// The plugin answered.
    Replied(Reply),
    /// The plugin closed the TCP connection.
    Closed,
    /// The plugin trapped: Envoy answers 503.
    Trapped(String),
    /// It waits for something that never comes.
    Stuck,
}

/// A whole exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What became of the request.
    pub outcome: Outcome,
    /// Headers that the plugin put on the upstream's response.
    pub response_headers: Vec<Header>,
    /// Filter state that the plugin set, by key without `wasm.`.
    pub filter_state: BTreeMap<String, Vec<u8>>,
    /// What the plugin logged meanwhile.
    pub logs: Vec<LogLine>,
    /// How often each host function was called.
    pub host_calls: BTreeMap<&'static str, u64>,
    /// Wasm instructions, in wasmtime's fuel.
    pub fuel: u64,
}
