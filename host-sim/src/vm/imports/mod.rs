//! The host functions of proxy-wasm ABI v0.2.1, as Envoy answers them.

mod buffers;
mod calls;
mod foreign;
mod headers;
mod misc;
mod replies;
mod sharing;

use wasmtime::{Caller, Linker};

use super::guest::Guest;
use super::state::State;
use super::status::Status;

/// Offers every host function.
pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    buffers::add(linker)?;
    calls::add(linker)?;
    foreign::add(linker)?;
    headers::add(linker)?;
    misc::add(linker)?;
    replies::add(linker)?;
    sharing::add(linker)
}

/// Runs a host function and turns its result into the ABI's.
fn run(
    caller: Caller<'_, State>,
    function: &'static str,
    body: impl FnOnce(&mut Guest<'_>) -> Result<(), Status>,
) -> i32 {
    match Guest::new(caller, function).and_then(|mut guest| body(&mut guest)) {
        Ok(()) => Status::Ok.into(),
        Err(status) => status.into(),
    }
}
