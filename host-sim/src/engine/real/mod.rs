//! The real Envoy: the same filter, the same requests, over real connections.

mod fleet;
mod plan;

use std::path::PathBuf;

use super::{Engine, EngineError, Observed, Request, Setup, Simulator};
use crate::vm::Plugin;
use fleet::Fleet;

/// Judges with stock Envoy, which it starts: one process for many set-ups, a listener for each.
pub struct EnvoyEngine {
    binary: PathBuf,
    module: PathBuf,
    /// Tells beforehand which configurations the filter refuses: one of them keeps Envoy from
    /// starting.
    validator: Simulator,
    groups: Vec<Vec<Setup>>,
    running: Option<(usize, Fleet)>,
}

/// How many set-ups share a process.
const GROUP: usize = 100;

impl EnvoyEngine {
    /// An engine that runs `module` in the Envoy at `binary`.
    pub fn new(binary: PathBuf, module: PathBuf, plugin: Plugin) -> Self {
        Self {
            binary,
            module,
            validator: Simulator::new(plugin),
            groups: Vec::new(),
            running: None,
        }
    }

    fn group_of(&mut self, setup: &Setup) -> usize {
        let known = self.groups.iter().position(|group| group.contains(setup));
        known.unwrap_or_else(|| {
            self.groups.push(vec![setup.clone()]);
            self.groups.len() - 1
        })
    }

    fn fleet(&mut self, group: usize) -> Result<&mut Fleet, EngineError> {
        let current = self.running.take().filter(|(running, _)| *running == group);
        let running = match current {
            Some(running) => running,
            None => (
                group,
                Fleet::start(&self.binary, &self.module, &self.groups[group])?,
            ),
        };
        Ok(&mut self.running.insert(running).1)
    }
}

impl Engine for EnvoyEngine {
    fn prepare(&mut self, setups: Vec<Setup>) {
        for setup in setups {
            if self.groups.iter().any(|group| group.contains(&setup))
                || self.validator.load(&setup).is_err()
            {
                continue;
            }
            let fits = |group: &&mut Vec<Setup>| {
                group.len() < GROUP
                    && group
                        .first()
                        .is_some_and(|first| plan::share(first, &setup))
            };
            match self.groups.iter_mut().find(fits) {
                Some(group) => group.push(setup),
                None => self.groups.push(vec![setup]),
            }
        }
    }

    fn judge(&mut self, setup: &Setup, request: &Request) -> Result<Observed, EngineError> {
        self.validator.load(setup)?;
        let group = self.group_of(setup);
        let index = self.groups[group]
            .iter()
            .position(|known| known == setup)
            .unwrap_or_default();
        self.fleet(group)?.judge(index, setup, request)
    }
}
