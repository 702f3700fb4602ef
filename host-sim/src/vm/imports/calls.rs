//! Calls to other clusters.

use std::time::Duration;

use wasmtime::{Caller, Linker};

use super::run;
use crate::vm::pairs;
use crate::vm::process::PendingCall;
use crate::vm::state::State;
use crate::vm::status::Status;
use crate::vm::upstream::Call;

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_http_call",
        |caller: Caller<'_, State>,
         cluster: u32,
         cluster_len: u32,
         headers: u32,
         headers_len: u32,
         body: u32,
         body_len: u32,
         _trailers: u32,
         _trailers_len: u32,
         timeout: u32,
         token_at: u32| {
            run(caller, "proxy_http_call", |guest| {
                let headers = pairs::deserialize(&guest.read(headers, headers_len)?)
                    .ok_or(Status::BadArgument)?;
                let call = Call {
                    cluster: guest.text(cluster, cluster_len)?,
                    headers,
                    body: guest.read(body, body_len)?,
                    vm: guest.state().vm,
                    timeout: Duration::from_millis(timeout.into()),
                };
                let complete = [":method", ":path", ":authority"]
                    .iter()
                    .all(|name| call.header(name).is_some());
                if !complete {
                    return Err(Status::BadArgument);
                }
                let token = dispatch(guest.state(), call).ok_or(Status::BadArgument)?;
                guest.write_int(token_at, token)
            })
        },
    )?;
    Ok(())
}

/// Starts a call for the context in hand; `None` when there is no such cluster.
fn dispatch(state: &mut State, call: Call) -> Option<u32> {
    let mut process = state.process.borrow_mut();
    let upstream = process.upstreams.take(call.clone())?;
    let (answer, delay) = upstream.answer(&call);
    process.last_token += 1;
    let token = process.last_token;
    let due = process.now + delay;
    process.pending.push(PendingCall {
        vm: state.vm,
        root: state.effective_root(),
        token,
        due,
        answer,
    });
    Some(token)
}
