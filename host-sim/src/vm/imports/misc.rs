//! Logs, time, properties, the context in hand, and what this host leaves out.

use std::time::Duration;

use wasmtime::{Caller, Linker};

use super::run;
use crate::vm::process::LogLine;
use crate::vm::state::{LogLevel, State, Tick};
use crate::vm::status::Status;

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_log",
        |caller: Caller<'_, State>, level: i32, at: u32, len: u32| {
            run(caller, "proxy_log", |guest| {
                let level = LogLevel::from_number(level).ok_or(Status::BadArgument)?;
                let message = String::from_utf8_lossy(&guest.read(at, len)?).into_owned();
                let state = guest.state();
                let line = LogLine {
                    level,
                    message,
                    vm: state.vm,
                };
                let mut process = state.process.borrow_mut();
                if level >= process.log_level {
                    process.logs.push(line);
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_log_level",
        |caller: Caller<'_, State>, at: u32| {
            run(caller, "proxy_get_log_level", |guest| {
                let level = guest.state().process.borrow().log_level;
                guest.write_int(at, level as u32)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_current_time_nanoseconds",
        |caller: Caller<'_, State>, at: u32| {
            run(caller, "proxy_get_current_time_nanoseconds", |guest| {
                let now = guest.state().process.borrow().now.as_nanos();
                guest.write(at, &u64::try_from(now).unwrap_or(u64::MAX).to_le_bytes())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_tick_period_milliseconds",
        |caller: Caller<'_, State>, period: u32| {
            run(caller, "proxy_set_tick_period_milliseconds", |guest| {
                let state = guest.state();
                let root = state.effective_root();
                let period = Duration::from_millis(period.into());
                let due = state.process.borrow().now + period;
                if period.is_zero() {
                    state.ticks.remove(&root);
                } else {
                    state.ticks.insert(root, Tick { period, due });
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_effective_context",
        |caller: Caller<'_, State>, context: u32| {
            run(caller, "proxy_set_effective_context", |guest| {
                let state = guest.state();
                if !state.streams.contains_key(&context) && context != state.root {
                    return Err(Status::BadArgument);
                }
                state.effective = context;
                Ok(())
            })
        },
    )?;
    add_properties(linker)?;
    add_missing(linker)
}

fn add_properties(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_property",
        |caller: Caller<'_, State>, path: u32, path_len: u32, data_at: u32, len_at: u32| {
            run(caller, "proxy_get_property", |guest| {
                let path = guest.read(path, path_len)?;
                let stream = guest.state().stream().ok_or(Status::NotFound)?;
                let own = String::from_utf8_lossy(&path).into_owned();
                let own = own.strip_prefix("filter_state\0wasm.").unwrap_or(&own);
                let value = match stream.filter_state.get(own) {
                    Some(value) => value.clone(),
                    None => stream.properties.get(&path, &stream.headers)?,
                };
                guest.give(&value, data_at, len_at)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_property",
        |caller: Caller<'_, State>, path: u32, path_len: u32, at: u32, len: u32| {
            run(caller, "proxy_set_property", |guest| {
                let (path, value) = (guest.text(path, path_len)?, guest.read(at, len)?);
                let stream = guest.state().stream().ok_or(Status::NotFound)?;
                stream.filter_state.insert(path, value);
                Ok(())
            })
        },
    )?;
    Ok(())
}

/// What the SDK imports and this host does not simulate.
fn add_missing(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const UNIMPLEMENTED: i32 = Status::Unimplemented as i32;
    linker.func_wrap(
        "env",
        "proxy_register_shared_queue",
        |_: u32, _: u32, _: u32| UNIMPLEMENTED,
    )?;
    linker.func_wrap(
        "env",
        "proxy_resolve_shared_queue",
        |_: u32, _: u32, _: u32, _: u32, _: u32| UNIMPLEMENTED,
    )?;
    linker.func_wrap(
        "env",
        "proxy_dequeue_shared_queue",
        |_: u32, _: u32, _: u32| UNIMPLEMENTED,
    )?;
    linker.func_wrap(
        "env",
        "proxy_enqueue_shared_queue",
        |_: u32, _: u32, _: u32| UNIMPLEMENTED,
    )?;
    linker.func_wrap("env", "proxy_grpc_cancel", |_: u32| UNIMPLEMENTED)?;
    linker.func_wrap("env", "proxy_grpc_close", |_: u32| UNIMPLEMENTED)?;
    linker.func_wrap("env", "proxy_get_status", |_: u32, _: u32, _: u32| {
        UNIMPLEMENTED
    })?;
    linker.func_wrap(
        "env",
        "proxy_grpc_send",
        |_: u32, _: u32, _: u32, _: u32| UNIMPLEMENTED,
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_call",
        |_: u32,
         _: u32,
         _: u32,
         _: u32,
         _: u32,
         _: u32,
         _: u32,
         _: u32,
         _: u32,
         _: u32,
         _: u32,
         _: u32| { UNIMPLEMENTED },
    )?;
    linker.func_wrap(
        "env",
        "proxy_grpc_stream",
        |_: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32| UNIMPLEMENTED,
    )?;
    Ok(())
}
