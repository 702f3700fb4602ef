//! Going on, answering, closing.

use wasmtime::{Caller, Linker};

use super::run;
use crate::vm::pairs;
use crate::vm::state::State;
use crate::vm::status::Status;
use crate::vm::stream::Reply;

const REQUEST: i32 = 0;
const DOWNSTREAM: i32 = 2;

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_send_local_response",
        |caller: Caller<'_, State>,
         status: u32,
         details: u32,
         details_len: u32,
         body: u32,
         body_len: u32,
         headers: u32,
         headers_len: u32,
         _grpc_status: i32| {
            run(caller, "proxy_send_local_response", |guest| {
                let reply = Reply {
                    status: u16::try_from(status).map_err(|_| Status::BadArgument)?,
                    headers: pairs::deserialize(&guest.read(headers, headers_len)?)
                        .ok_or(Status::BadArgument)?,
                    body: guest.read(body, body_len)?,
                    details: guest
                        .text(details, details_len)?
                        .replace(char::is_whitespace, "_"),
                };
                let stream = guest.state().stream().ok_or(Status::BadArgument)?;
                stream.reply.get_or_insert(reply);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_continue_stream",
        |caller: Caller<'_, State>, kind: i32| {
            run(caller, "proxy_continue_stream", |guest| {
                let stream = guest.state().stream().ok_or(Status::BadArgument)?;
                if [REQUEST, DOWNSTREAM].contains(&kind) {
                    stream.resumed = true;
                }
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_close_stream",
        |caller: Caller<'_, State>, _kind: i32| {
            run(caller, "proxy_close_stream", |guest| {
                guest.state().stream().ok_or(Status::BadArgument)?.closed = true;
                Ok(())
            })
        },
    )?;
    linker.func_wrap("env", "proxy_done", |caller: Caller<'_, State>| {
        run(caller, "proxy_done", |_| Ok(()))
    })?;
    Ok(())
}
