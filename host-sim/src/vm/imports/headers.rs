//! Header maps.

use wasmtime::{Caller, Linker};

use super::run;
use crate::vm::guest::Guest;
use crate::vm::pairs;
use crate::vm::request::{Header, first};
use crate::vm::state::State;
use crate::vm::status::Status;

const REQUEST_HEADERS: i32 = 0;
const RESPONSE_HEADERS: i32 = 2;
const HTTP_CALL_RESPONSE_HEADERS: i32 = 6;
const HTTP_CALL_RESPONSE_TRAILERS: i32 = 7;

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_header_map_pairs",
        |caller: Caller<'_, State>, map: i32, data_at: u32, len_at: u32| {
            run(caller, "proxy_get_header_map_pairs", |guest| {
                let blob = pairs::serialize(&read(guest, map)?);
                guest.give(&blob, data_at, len_at)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_header_map_pairs",
        |caller: Caller<'_, State>, map: i32, data: u32, len: u32| {
            run(caller, "proxy_set_header_map_pairs", |guest| {
                let headers = pairs::deserialize(&guest.read(data, len)?);
                *writable(guest, map)? = headers.ok_or(Status::BadArgument)?;
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_value",
        |caller: Caller<'_, State>, map: i32, key: u32, key_len: u32, data_at: u32, len_at: u32| {
            run(caller, "proxy_get_header_map_value", |guest| {
                let name = name(guest, key, key_len)?;
                let headers = read(guest, map)?;
                let value = first(&headers, &name).ok_or(Status::NotFound)?;
                guest.give(value, data_at, len_at)
            })
        },
    )?;
    change(
        linker,
        "proxy_add_header_map_value",
        |headers, name, value| {
            headers.push((name, value));
        },
    )?;
    change(
        linker,
        "proxy_replace_header_map_value",
        |headers, name, value| match headers.iter().position(|(key, _)| *key == name) {
            Some(at) => {
                headers[at].1 = value;
                let mut seen = false;
                headers.retain(|(key, _)| *key != name || !std::mem::replace(&mut seen, true));
            }
            None => headers.push((name, value)),
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_remove_header_map_value",
        |caller: Caller<'_, State>, map: i32, key: u32, key_len: u32| {
            run(caller, "proxy_remove_header_map_value", |guest| {
                let name = name(guest, key, key_len)?;
                writable(guest, map)?.retain(|(key, _)| *key != name);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_header_map_size",
        |caller: Caller<'_, State>, map: i32, len_at: u32| {
            run(caller, "proxy_get_header_map_size", |guest| {
                let len = pairs::serialize(&read(guest, map)?).len();
                guest.write_int(len_at, u32::try_from(len).unwrap_or(u32::MAX))
            })
        },
    )?;
    Ok(())
}

fn change(
    linker: &mut Linker<State>,
    function: &'static str,
    apply: impl Fn(&mut Vec<Header>, Vec<u8>, Vec<u8>) + Copy + Send + Sync + 'static,
) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        function,
        move |caller: Caller<'_, State>, map: i32, key: u32, key_len: u32, at: u32, len: u32| {
            run(caller, function, |guest| {
                let (name, value) = (name(guest, key, key_len)?, guest.read(at, len)?);
                apply(writable(guest, map)?, name, value);
                Ok(())
            })
        },
    )?;
    Ok(())
}

fn name(guest: &Guest<'_>, at: u32, len: u32) -> Result<Vec<u8>, Status> {
    Ok(guest.read(at, len)?.to_ascii_lowercase())
}

fn read(guest: &mut Guest<'_>, map: i32) -> Result<Vec<Header>, Status> {
    let state = guest.state();
    match map {
        HTTP_CALL_RESPONSE_HEADERS | HTTP_CALL_RESPONSE_TRAILERS => {
            let answer = state.call_answer.as_ref().ok_or(Status::BadArgument)?;
            Ok(match map {
                HTTP_CALL_RESPONSE_HEADERS => answer.headers.clone(),
                _ => answer.trailers.clone(),
            })
        }
        _ => writable(guest, map).cloned(),
    }
}

fn writable<'g>(guest: &'g mut Guest<'_>, map: i32) -> Result<&'g mut Vec<Header>, Status> {
    let stream = guest.state().stream().ok_or(Status::BadArgument)?;
    match map {
        REQUEST_HEADERS => Ok(&mut stream.headers),
        RESPONSE_HEADERS if stream.in_response => Ok(&mut stream.response),
        _ => Err(Status::BadArgument),
    }
}
