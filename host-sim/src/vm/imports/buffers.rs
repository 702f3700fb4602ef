//! Buffers: configuration and bodies.

use wasmtime::{Caller, Linker};

use super::run;
use crate::vm::state::State;
use crate::vm::status::Status;

const HTTP_CALL_RESPONSE_BODY: i32 = 4;
const VM_CONFIGURATION: i32 = 6;
const PLUGIN_CONFIGURATION: i32 = 7;

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_buffer_bytes",
        |caller: Caller<'_, State>, kind: i32, start: u32, max: u32, data_at: u32, len_at: u32| {
            run(caller, "proxy_get_buffer_bytes", |guest| {
                let state = guest.state();
                let buffer = match kind {
                    PLUGIN_CONFIGURATION => state.configuration.clone(),
                    VM_CONFIGURATION => Vec::new(),
                    HTTP_CALL_RESPONSE_BODY => state
                        .call_answer
                        .as_ref()
                        .ok_or(Status::NotFound)?
                        .body
                        .clone(),
                    // Bodies of streams are not simulated.
                    _ => return Err(Status::NotFound),
                };
                let rest = buffer.get(start as usize..).ok_or(Status::BadArgument)?;
                let part = &rest[..rest.len().min(max as usize)];
                guest.give(part, data_at, len_at)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_buffer_bytes",
        |caller: Caller<'_, State>, _: i32, _: u32, _: u32, _: u32, _: u32| {
            run(caller, "proxy_set_buffer_bytes", |_| Err(Status::NotFound))
        },
    )?;
    Ok(())
}
