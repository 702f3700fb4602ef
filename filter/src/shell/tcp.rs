//! One TCP connection.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::types::Action;

use super::consulting::Consulting;
use super::plugin::{Plugin, Progress};
use super::respond;

/// A connection; keeps the configuration that was in force when it came.
pub(super) struct Tcp {
    context_id: u32,
    plugin: Option<Rc<Plugin>>,
    consulting: Consulting,
    allowed: bool,
}

impl Tcp {
    /// A connection under `plugin`.
    pub(super) fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            context_id,
            plugin,
            consulting: Consulting::default(),
            allowed: false,
        }
    }

    fn judge(&mut self) -> Action {
        let Some(plugin) = &self.plugin else {
            respond::close();
            return Action::Pause;
        };
        match plugin.judge(self.context_id, &mut self.consulting) {
            Progress::Go => {
                self.allowed = true;
                Action::Continue
            }
            Progress::Stop => Action::Pause,
        }
    }

    /// The connection is there.
    pub(super) fn on_new_connection(&mut self) -> Action {
        match &self.plugin {
            // The handshake is still to come: who the peer is shows with its first data, which is
            // when Envoy's own RBAC network filter decides too.
            Some(plugin) if plugin.needs_peer() => Action::Continue,
            _ => self.judge(),
        }
    }

    /// The client sent something.
    pub(super) fn on_downstream_data(&mut self) -> Action {
        if self.allowed {
            Action::Continue
        } else {
            self.judge()
        }
    }

    /// The call to an authorizer that is under way.
    pub(super) fn call(&self) -> Option<u32> {
        self.consulting.call()
    }

    /// An authorizer answered `call` with a body of `size` bytes.
    pub(super) fn on_http_call_response(&mut self, call: u32, size: usize) {
        let Some(plugin) = &self.plugin else {
            return;
        };
        let progress = plugin.on_answer(self.context_id, &mut self.consulting, call, size);
        if let Progress::Go = progress {
            self.allowed = true;
            // A connection that is gone needs no resuming.
            let _ = hostcalls::resume_downstream();
        }
    }
}
