//! The part of WASI preview 1 that Envoy offers to plugins.

use wasmtime::{Caller, Linker};

use super::guest::Guest;
use super::process::LogLine;
use super::state::{LogLevel, State};
use super::status::Status;

const WASI: &str = "wasi_snapshot_preview1";
const SUCCESS: i32 = 0;
const EBADF: i32 = 8;
const EFAULT: i32 = 21;
const EINVAL: i32 = 28;
const ENOENT: i32 = 44;
const ENOSYS: i32 = 52;
const REALTIME: i32 = 0;
const MONOTONIC: i32 = 1;
const MAX_RANDOM: u32 = 64 * 1024;
const STDOUT: i32 = 1;
const STDERR: i32 = 2;

/// Offers every function.
pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        WASI,
        "clock_time_get",
        |caller: Caller<'_, State>, clock: i32, _precision: u64, at: u32| {
            run(caller, "clock_time_get", |guest| {
                if clock != REALTIME && clock != MONOTONIC {
                    return Ok(ENOSYS);
                }
                let now = guest.state().process.borrow().now.as_nanos();
                guest.write(at, &u64::try_from(now).unwrap_or(u64::MAX).to_le_bytes())?;
                Ok(SUCCESS)
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "random_get",
        |caller: Caller<'_, State>, at: u32, len: u32| {
            run(caller, "random_get", |guest| {
                if len > MAX_RANDOM {
                    return Ok(EINVAL);
                }
                let mut bytes = Vec::with_capacity(len as usize + 8);
                while bytes.len() < len as usize {
                    bytes.extend(
                        guest
                            .state()
                            .process
                            .borrow_mut()
                            .next_random()
                            .to_le_bytes(),
                    );
                }
                guest.write(at, &bytes[..len as usize])?;
                Ok(SUCCESS)
            })
        },
    )?;
    for function in ["environ_sizes_get", "args_sizes_get"] {
        linker.func_wrap(
            WASI,
            function,
            move |caller: Caller<'_, State>, a: u32, b: u32| {
                run(caller, function, |guest| {
                    guest.write_int(a, 0)?;
                    guest.write_int(b, 0)?;
                    Ok(SUCCESS)
                })
            },
        )?;
    }
    for function in ["environ_get", "args_get"] {
        linker.func_wrap(WASI, function, |_: u32, _: u32| SUCCESS)?;
    }
    linker.func_wrap(WASI, "fd_write", fd_write)?;
    linker.func_wrap(
        WASI,
        "fd_fdstat_get",
        |caller: Caller<'_, State>, fd: i32, at: u32| {
            run(caller, "fd_fdstat_get", |guest| {
                if fd != STDOUT && fd != STDERR {
                    return Ok(EBADF);
                }
                guest.write(at, &[0; 24])?;
                Ok(SUCCESS)
            })
        },
    )?;
    linker.func_wrap(WASI, "sched_yield", || SUCCESS)?;
    linker.func_wrap(WASI, "proc_exit", |code: i32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg(format!("proc_exit({code})")))
    })?;
    linker.func_wrap(WASI, "fd_close", |_: i32| EBADF)?;
    linker.func_wrap(WASI, "fd_seek", |_: i32, _: i64, _: i32, _: u32| ENOSYS)?;
    linker.func_wrap(WASI, "fd_read", |_: i32, _: u32, _: u32, _: u32| ENOSYS)?;
    linker.func_wrap(WASI, "fd_prestat_get", |_: i32, _: u32| EBADF)?;
    linker.func_wrap(WASI, "fd_prestat_dir_name", |_: i32, _: u32, _: u32| ENOSYS)?;
    linker.func_wrap(
        WASI,
        "path_open",
        |_: i32, _: i32, _: u32, _: u32, _: i32, _: i64, _: i64, _: i32, _: u32| ENOENT,
    )?;
    linker.func_wrap(WASI, "poll_oneoff", |_: u32, _: u32, _: u32, _: u32| ENOSYS)?;
    Ok(())
}

/// Standard output becomes an info line, standard error an error line.
fn fd_write(caller: Caller<'_, State>, fd: i32, vectors: u32, count: u32, written_at: u32) -> i32 {
    run(caller, "fd_write", |guest| {
        let level = match fd {
            STDOUT => LogLevel::Info,
            STDERR => LogLevel::Error,
            _ => return Ok(EBADF),
        };
        let mut text = Vec::new();
        for index in 0..count {
            let int = |guest: &Guest<'_>, at: u32| -> Result<u32, Status> {
                let bytes = guest.read(at, 4)?;
                Ok(u32::from_le_bytes(
                    bytes.try_into().map_err(|_| Status::BadArgument)?,
                ))
            };
            let vector = vectors.wrapping_add(index.wrapping_mul(8));
            let (at, len) = (int(guest, vector)?, int(guest, vector.wrapping_add(4))?);
            text.extend(guest.read(at, len)?);
        }
        let state = guest.state();
        let message = String::from_utf8_lossy(&text).trim_end().to_owned();
        let line = LogLine {
            level,
            message,
            vm: state.vm,
        };
        state.process.borrow_mut().logs.push(line);
        guest.write_int(written_at, u32::try_from(text.len()).unwrap_or(u32::MAX))?;
        Ok(SUCCESS)
    })
}

fn run(
    caller: Caller<'_, State>,
    function: &'static str,
    body: impl FnOnce(&mut Guest<'_>) -> Result<i32, Status>,
) -> i32 {
    Guest::new(caller, function)
        .and_then(|mut guest| body(&mut guest))
        .unwrap_or(EFAULT)
}
