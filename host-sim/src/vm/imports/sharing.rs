//! Shared data and metrics.

use wasmtime::{Caller, Linker};

use super::run;
use crate::vm::state::State;
use crate::vm::status::Status;

pub(super) fn add(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "proxy_get_shared_data",
        |caller: Caller<'_, State>, key: u32, key_len: u32, data_at: u32, len_at: u32, cas: u32| {
            run(caller, "proxy_get_shared_data", |guest| {
                let key = guest.read(key, key_len)?;
                let found = guest.state().process.borrow().shared_data.get(&key);
                let (value, number) = found.ok_or(Status::NotFound)?;
                guest.give(&value, data_at, len_at)?;
                guest.write_int(cas, number)
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_set_shared_data",
        |caller: Caller<'_, State>, key: u32, key_len: u32, at: u32, len: u32, cas: u32| {
            run(caller, "proxy_set_shared_data", |guest| {
                let (key, value) = (guest.read(key, key_len)?, guest.read(at, len)?);
                match guest
                    .state()
                    .process
                    .borrow_mut()
                    .shared_data
                    .set(key, value, cas)
                {
                    Status::Ok => Ok(()),
                    status => Err(status),
                }
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_define_metric",
        |caller: Caller<'_, State>, _kind: i32, name: u32, name_len: u32, id_at: u32| {
            run(caller, "proxy_define_metric", |guest| {
                let name = guest.text(name, name_len)?;
                let id = guest.state().process.borrow_mut().metrics.define(name);
                guest.write_int(id_at, u32::try_from(id).unwrap_or(u32::MAX))
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_increment_metric",
        |caller: Caller<'_, State>, id: u32, offset: i64| {
            run(caller, "proxy_increment_metric", |guest| {
                let mut process = guest.state().process.borrow_mut();
                let metric = process.metrics.by_id(id as usize).ok_or(Status::NotFound)?;
                *metric = metric.saturating_add_signed(offset);
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_record_metric",
        |caller: Caller<'_, State>, id: u32, value: u64| {
            run(caller, "proxy_record_metric", |guest| {
                let mut process = guest.state().process.borrow_mut();
                *process.metrics.by_id(id as usize).ok_or(Status::NotFound)? = value;
                Ok(())
            })
        },
    )?;
    linker.func_wrap(
        "env",
        "proxy_get_metric",
        |caller: Caller<'_, State>, id: u32, value_at: u32| {
            run(caller, "proxy_get_metric", |guest| {
                let value = guest
                    .state()
                    .process
                    .borrow_mut()
                    .metrics
                    .by_id(id as usize)
                    .copied();
                guest.write(value_at, &value.ok_or(Status::NotFound)?.to_le_bytes())
            })
        },
    )?;
    Ok(())
}
