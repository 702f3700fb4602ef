//! Carrying out a decision.

use std::borrow::Cow;

use log::error;
use proxy_wasm::hostcalls;
use proxy_wasm::types::{MapType, Status};

use super::abi;
use crate::decision::{LocalReply, RequestChanges};

/// Changes the request; an error means that it must not go on.
pub(super) fn apply(changes: &RequestChanges) -> Result<(), Status> {
    let headers = MapType::HttpRequestHeaders;
    for name in &changes.remove {
        hostcalls::remove_map_value(headers, name)?;
    }
    for (name, value) in &changes.set {
        hostcalls::set_map_value_bytes(headers, name, Some(value))?;
    }
    if let Some(path) = &changes.path {
        hostcalls::set_map_value_bytes(headers, ":path", Some(path))?;
    }
    Ok(())
}

/// Answers the request here.
pub(super) fn reply(reply: &LocalReply) {
    if !abi::send_local_reply(reply) {
        // The stream stays paused: closed, not open.
        error!("the host took no local reply with status {}", reply.status);
    }
}

/// Closes the connection.
pub(super) fn close() {
    // A connection that cannot be closed stays paused.
    let _ = hostcalls::close_downstream();
}

/// The answer when a request cannot be changed as decided: its headers would reach the
/// application unsanitized.
pub(super) fn cannot_change() -> LocalReply {
    unavailable(500, "palisade_request_headers_not_writable")
}

/// The answer before there is a configuration.
pub(super) fn not_configured() -> LocalReply {
    unavailable(500, "palisade_not_configured")
}

/// The answer to a request that waits for keys when its configuration goes out of force: the client
/// may try again.
pub(super) fn out_of_force() -> LocalReply {
    unavailable(503, "palisade_configuration_replaced")
}

fn unavailable(status: u16, details: &'static str) -> LocalReply {
    LocalReply {
        status,
        body: Cow::default(),
        headers: Vec::new(),
        details: details.into(),
    }
}
