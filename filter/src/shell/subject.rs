//! What requests and connections have in common: a configuration that judges them.

use std::rc::Rc;

use super::consulting::Consulting;
use super::plugin::{Plugin, Progress};

/// A stream to be judged; keeps the configuration that was in force when it came.
pub(super) struct Subject {
    context_id: u32,
    plugin: Option<Rc<Plugin>>,
    pub(super) consulting: Consulting,
}

impl Subject {
    /// A stream under `plugin`.
    pub(super) fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            context_id,
            plugin,
            consulting: Consulting::default(),
        }
    }

    /// The configuration, where there is one.
    pub(super) fn plugin(&self) -> Option<&Plugin> {
        self.plugin.as_deref()
    }

    /// Judges it; `None` without a configuration.
    pub(super) fn judge(&mut self) -> Option<Progress> {
        let plugin = self.plugin.as_deref()?;
        Some(plugin.judge(self.context_id, &mut self.consulting))
    }

    /// Goes on judging: an authorizer answered `call` with a body of `size` bytes.
    pub(super) fn on_answer(&mut self, call: u32, size: usize) -> Progress {
        match self.plugin.as_deref() {
            Some(plugin) => plugin.on_answer(self.context_id, &mut self.consulting, call, size),
            None => Progress::Over,
        }
    }

    /// Waits for nothing any more.
    pub(super) fn forget(&self) {
        if let Some(plugin) = self.plugin() {
            plugin.forget(self.context_id);
        }
    }
}
