//! One TCP connection.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, StreamContext};
use proxy_wasm::types::Action;

use super::plugin::{Plugin, Progress};

/// A connection; keeps the configuration that was in force when it came.
pub(super) struct Tcp {
    plugin: Option<Rc<Plugin>>,
    allowed: bool,
}

impl Tcp {
    /// A connection under `plugin`.
    pub(super) fn new(plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            plugin,
            allowed: false,
        }
    }

    fn judge(&mut self) -> Action {
        match self.plugin.as_ref().map(|plugin| plugin.judge_tcp()) {
            Some(Progress::Go) => {
                self.allowed = true;
                Action::Continue
            }
            Some(Progress::Stop) | None => {
                // A connection that cannot be closed stays paused.
                let _ = hostcalls::close_downstream();
                Action::Pause
            }
        }
    }
}

impl Context for Tcp {}

impl StreamContext for Tcp {
    fn on_new_connection(&mut self) -> Action {
        match &self.plugin {
            // The handshake is still to come: who the peer is shows with its first data, which is
            // when Envoy's own RBAC network filter decides too.
            Some(plugin) if plugin.needs_peer() => Action::Continue,
            _ => self.judge(),
        }
    }

    fn on_downstream_data(&mut self, _size: usize, _end_of_stream: bool) -> Action {
        if self.allowed {
            Action::Continue
        } else {
            self.judge()
        }
    }
}
