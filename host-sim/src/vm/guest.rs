//! A plugin's memory, seen from a host function.

use wasmtime::{Caller, Extern, Memory};

use super::state::State;
use super::status::Status;

/// The plugin that made a host call.
pub(super) struct Guest<'a> {
    pub(super) caller: Caller<'a, State>,
    memory: Memory,
}

impl<'a> Guest<'a> {
    /// The plugin behind `caller`; counts the call of `function`.
    pub(super) fn new(
        mut caller: Caller<'a, State>,
        function: &'static str,
    ) -> Result<Self, Status> {
        *caller.data_mut().host_calls.entry(function).or_default() += 1;
        match caller.get_export("memory") {
            Some(Extern::Memory(memory)) => Ok(Self { caller, memory }),
            _ => Err(Status::InvalidMemoryAccess),
        }
    }

    /// The VM's state.
    pub(super) fn state(&mut self) -> &mut State {
        self.caller.data_mut()
    }

    /// `len` bytes at `at`.
    pub(super) fn read(&self, at: u32, len: u32) -> Result<Vec<u8>, Status> {
        let start = at as usize;
        let end = start
            .checked_add(len as usize)
            .ok_or(Status::InvalidMemoryAccess)?;
        let bytes = self.memory.data(&self.caller).get(start..end);
        bytes.map(<[u8]>::to_vec).ok_or(Status::InvalidMemoryAccess)
    }

    /// A string of `len` bytes at `at`.
    pub(super) fn text(&self, at: u32, len: u32) -> Result<String, Status> {
        String::from_utf8(self.read(at, len)?).map_err(|_| Status::BadArgument)
    }

    /// Writes `bytes` at `at`.
    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Status> {
        self.memory
            .write(&mut self.caller, at as usize, bytes)
            .map_err(|_| Status::InvalidMemoryAccess)
    }

    /// Writes a 32-bit integer at `at`.
    pub(super) fn write_int(&mut self, at: u32, value: u32) -> Result<(), Status> {
        self.write(at, &value.to_le_bytes())
    }

    /// Hands `bytes` over in memory that the plugin allocates: pointer and length go to
    /// `data_at` and `len_at`.
    pub(super) fn give(&mut self, bytes: &[u8], data_at: u32, len_at: u32) -> Result<(), Status> {
        let len = u32::try_from(bytes.len()).map_err(|_| Status::InternalFailure)?;
        let data = if bytes.is_empty() {
            0
        } else {
            self.allocate(len)?
        };
        self.write(data, bytes)?;
        self.write_int(data_at, data)?;
        self.write_int(len_at, len)
    }

    fn allocate(&mut self, len: u32) -> Result<u32, Status> {
        let allocate = ["proxy_on_memory_allocate", "malloc"]
            .into_iter()
            .find_map(|name| self.caller.get_export(name)?.into_func())
            .and_then(|function| function.typed::<u32, u32>(&self.caller).ok())
            .ok_or(Status::InvalidMemoryAccess)?;
        allocate
            .call(&mut self.caller, len)
            .map_err(|_| Status::InternalFailure)
    }
}
