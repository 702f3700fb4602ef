//! One VM: a running instance of the plugin.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use wasmtime::{Instance, Store, StoreLimitsBuilder, WasmParams, WasmResults};

use super::error::HostError;
use super::plugin::Plugin;
use super::process::Process;
use super::state::State;

/// Enough for any callback, and an end for an endless loop.
const FUEL: u64 = 20_000_000_000;

/// A running instance with its memory.
pub(super) struct Vm {
    store: Store<State>,
    instance: Instance,
    last_context: u32,
}

/// A trap: the VM is lost.
#[derive(Debug)]
pub(super) struct Trap(pub(super) String);

impl Vm {
    /// Starts the plugin in a new VM, the number `vm` of `process`.
    pub(super) fn start(
        plugin: &Plugin,
        process: &Rc<RefCell<Process>>,
        vm: usize,
        without: &[String],
        memory: usize,
    ) -> Result<Self, HostError> {
        let state = State {
            vm,
            process: Rc::clone(process),
            limits: StoreLimitsBuilder::new().memory_size(memory).build(),
            root: 0,
            effective: 0,
            streams: BTreeMap::new(),
            ticks: BTreeMap::new(),
            configuration: Vec::new(),
            call_answer: None,
            host_calls: BTreeMap::new(),
            without: without.to_vec(),
        };
        let mut store = Store::new(plugin.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_fuel(FUEL)?;
        let instance = plugin.instance().instantiate(&mut store)?;
        let mut vm = Self {
            store,
            instance,
            last_context: 0,
        };
        for start in ["_initialize", "_start"] {
            vm.call::<(), ()>(start, ())
                .map_err(|trap| HostError::new(trap.0))?;
        }
        Ok(vm)
    }

    /// The size of its linear memory, in bytes.
    pub(super) fn memory(&mut self) -> usize {
        let memory = self.instance.get_memory(&mut self.store, "memory");
        memory.map_or(0, |memory| memory.data_size(&self.store))
    }

    /// What is in the memory that it exports as `name`, which is all zeros after this; nothing where
    /// there is none.
    pub(super) fn take_memory(&mut self, name: &str) -> Vec<u8> {
        let memory = self.instance.get_memory(&mut self.store, name);
        memory.map_or_else(Vec::new, |memory| {
            let data = memory.data_mut(&mut self.store);
            let taken = data.to_vec();
            data.fill(0);
            taken
        })
    }

    /// A new root context for `configuration`; whether the plugin takes it.
    pub(super) fn configure(&mut self, configuration: &[u8]) -> Result<bool, Trap> {
        let first = self.state().root == 0;
        let root = self.next_context();
        self.call::<(u32, u32), ()>("proxy_on_context_create", (root, 0))?;
        self.enter(root);
        if first && self.call::<(u32, u32), u32>("proxy_on_vm_start", (root, 0))? == Some(0) {
            return Ok(false);
        }
        self.state().configuration = configuration.to_vec();
        let len = u32::try_from(configuration.len()).unwrap_or(u32::MAX);
        let taken = self.call::<(u32, u32), u32>("proxy_on_configure", (root, len))?;
        self.state().configuration = Vec::new();
        if taken == Some(0) {
            return Ok(false);
        }
        let old = std::mem::replace(&mut self.state().root, root);
        if old != 0 {
            self.state().ticks.remove(&old);
            self.call::<u32, u32>("proxy_on_done", old)?;
            self.call::<u32, ()>("proxy_on_delete", old)?;
        }
        Ok(true)
    }

    /// A new stream context under the configuration in force.
    pub(super) fn create_context(&mut self) -> Result<u32, Trap> {
        let (context, root) = (self.next_context(), self.state().root);
        self.call::<(u32, u32), ()>("proxy_on_context_create", (context, root))?;
        Ok(context)
    }

    /// Calls the callback `name`, when the plugin has it.
    pub(super) fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        parameters: P,
    ) -> Result<Option<R>, Trap> {
        let Some(function) = self.instance.get_func(&mut self.store, name) else {
            return Ok(None);
        };
        let trap = |error: wasmtime::Error| Trap(format!("{name}: {error:#}"));
        let function = function.typed::<P, R>(&self.store).map_err(trap)?;
        self.store.set_fuel(FUEL).map_err(trap)?;
        let result = function.call(&mut self.store, parameters).map_err(trap);
        result.map(Some)
    }

    /// Calls a callback about `context`.
    pub(super) fn call_for<P: WasmParams, R: WasmResults>(
        &mut self,
        context: u32,
        name: &str,
        parameters: P,
    ) -> Result<Option<R>, Trap> {
        self.enter(context);
        self.call(name, parameters)
    }

    /// The fuel that the last callback used.
    pub(super) fn fuel_used(&self) -> u64 {
        FUEL - self.store.get_fuel().unwrap_or(FUEL)
    }

    /// The VM's state.
    pub(super) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    fn enter(&mut self, context: u32) {
        self.state().effective = context;
    }

    fn next_context(&mut self) -> u32 {
        self.last_context += 1;
        self.last_context
    }
}
