//! Foreign functions: what Envoy offers beside the ABI.

use wasmtime::{Caller, Linker};

use super::run;
use crate::vm::state::State;
use crate::vm::status::Status;
use crate::vm::verify_signature::verify_signature;

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_call_foreign_function",
        |caller: Caller<'_, State>,
         name: u32,
         name_len: u32,
         argument: u32,
         argument_len: u32,
         data_at: u32,
         len_at: u32| {
            run(caller, "proxy_call_foreign_function", |guest| {
                let name = guest.text(name, name_len)?;
                let argument = guest.read(argument, argument_len)?;
                if guest.state().without.contains(&name) {
                    return Err(Status::NotFound);
                }
                match name.as_str() {
                    "verify_signature" => {
                        let result = verify_signature(&argument)?;
                        guest.give(&result, data_at, len_at)
                    }
                    "clear_route_cache" => guest.give(&[], data_at, len_at),
                    _ => Err(Status::NotFound),
                }
            })
        },
    )?;
    Ok(())
}
