//! The simulated Envoy: a main thread, workers, and what they share.

use std::cell::{RefCell, RefMut};
use std::rc::Rc;
use std::time::Duration;

use super::error::{ConfigureError, HostError};
use super::instance::{Trap, Vm};
use super::metrics::Metrics;
use super::plugin::Plugin;
use super::process::{LogLine, Process};
use super::state::{LogLevel, Traps};
use super::upstream::Upstreams;

/// How the simulated Envoy is set up.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads beside the main thread; each has a VM.
    pub workers: usize,
    /// Log lines below this are dropped.
    pub log_level: LogLevel,
    /// The time at the start, since the Unix epoch.
    pub now: Duration,
    /// What becomes of later requests after a trap.
    pub traps: Traps,
    /// Foreign functions that this Envoy does not have.
    pub without_foreign_functions: Vec<String>,
    /// How much memory a VM may have, in bytes.
    pub memory: usize,
}

/// An Envoy process with one plugin.
pub struct Host {
    plugin: Plugin,
    options: Options,
    process: Rc<RefCell<Process>>,
    pub(super) vms: Vec<Option<Vm>>,
    configuration: Option<Vec<u8>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 1,
            log_level: LogLevel::Info,
            now: Duration::from_secs(1_780_272_000),
            traps: Traps::default(),
            without_foreign_functions: Vec::new(),
            // V8's limit as Envoy sets it.
            memory: 1 << 30,
        }
    }
}

impl Host {
    /// Starts an Envoy with `plugin`, which has no configuration yet.
    ///
    /// # Errors
    /// When the plugin traps while it starts.
    pub fn new(plugin: &Plugin, options: Options) -> Result<Self, HostError> {
        let process = Process {
            now: options.now,
            log_level: options.log_level,
            ..Process::default()
        };
        let mut host = Self {
            plugin: plugin.clone(),
            process: Rc::new(RefCell::new(process)),
            vms: Vec::new(),
            configuration: None,
            options,
        };
        for number in 0..=host.options.workers {
            let vm = host.start_vm(number)?;
            host.vms.push(Some(vm));
        }
        Ok(host)
    }

    /// Gives every VM a new configuration, as an update of the listener would; a canary VM looks
    /// at it first.
    ///
    /// # Errors
    /// When the plugin refuses: the last configuration stays in force.
    pub fn configure(&mut self, configuration: &[u8]) -> Result<(), ConfigureError> {
        let before = self.process().logs.len();
        let refused = |host: &Self, trap: Option<String>| ConfigureError {
            logs: host.process().logs[before..].to_vec(),
            trap,
        };
        let canary = self
            .start_vm(0)
            .map_err(|error| refused(self, Some(error.to_string())))?;
        match { canary }.configure(configuration) {
            Ok(true) => {}
            Ok(false) => return Err(refused(self, None)),
            Err(Trap(trap)) => return Err(refused(self, Some(trap))),
        }
        for vm in self.vms.iter_mut().flatten() {
            match vm.configure(configuration) {
                Ok(true) => {}
                Ok(false) => return Err(refused(self, None)),
                Err(Trap(trap)) => return Err(refused(self, Some(trap))),
            }
        }
        self.configuration = Some(configuration.to_vec());
        Ok(())
    }

    /// The clusters that the plugin can call.
    pub fn upstreams(&self) -> RefMut<'_, Upstreams> {
        RefMut::map(self.process(), |process| &mut process.upstreams)
    }

    /// The metrics of the process.
    pub fn metrics(&self) -> Metrics {
        self.process().metrics.clone()
    }

    /// What worker `worker` (from 0) has in the memory that the plugin exports as `name`, which is all
    /// zeros after this: for plugins that observe themselves. Nothing where there is none.
    pub fn take_memory(&mut self, worker: usize, name: &str) -> Vec<u8> {
        let vm = self.vms.get_mut(worker + 1).and_then(Option::as_mut);
        vm.map_or_else(Vec::new, |vm| vm.take_memory(name))
    }

    /// The size of the linear memory of worker `worker` (from 0), in bytes; 0 without a VM.
    pub fn memory(&mut self, worker: usize) -> usize {
        let vm = self.vms.get_mut(worker + 1).and_then(Option::as_mut);
        vm.map_or(0, Vm::memory)
    }

    /// Every log line so far.
    pub fn logs(&self) -> Vec<LogLine> {
        self.process().logs.clone()
    }

    /// The time, since the Unix epoch.
    pub fn now(&self) -> Duration {
        self.process().now
    }

    /// Sets the clock; timers stay as they were.
    pub fn set_now(&self, now: Duration) {
        self.process().now = now;
    }

    /// Sets the log level, as Envoy's admin interface does.
    pub fn set_log_level(&self, level: LogLevel) {
        self.process().log_level = level;
    }

    pub(super) fn process(&self) -> RefMut<'_, Process> {
        self.process.borrow_mut()
    }

    pub(super) fn traps(&self) -> Traps {
        self.options.traps
    }

    /// A VM in place of the lost one, with the configuration in force.
    pub(super) fn restart(&mut self, number: usize) -> Result<(), HostError> {
        let mut vm = self.start_vm(number)?;
        if let Some(configuration) = &self.configuration {
            vm.configure(configuration)
                .map_err(|trap| HostError::new(trap.0))?;
        }
        self.vms[number] = Some(vm);
        Ok(())
    }

    /// A VM is lost: what it waited for comes to nothing.
    pub(super) fn lose(&mut self, number: usize) {
        self.vms[number] = None;
        self.process().pending.retain(|call| call.vm != number);
    }

    fn start_vm(&self, number: usize) -> Result<Vm, HostError> {
        let without = &self.options.without_foreign_functions;
        Vm::start(
            &self.plugin,
            &self.process,
            number,
            without,
            self.options.memory,
        )
    }
}
