//! One TCP connection.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::types::Action;

use super::plugin::{Plugin, Progress};
use super::respond;
use super::subject::Subject;

/// A connection.
pub(super) struct Tcp {
    subject: Subject,
    allowed: bool,
}

impl Tcp {
    /// A connection under `plugin`.
    pub(super) fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            subject: Subject::new(context_id, plugin),
            allowed: false,
        }
    }

    fn judge(&mut self) -> Action {
        match self.subject.judge() {
            Some(Progress::Go) => {
                self.allowed = true;
                Action::Continue
            }
            Some(Progress::Over | Progress::Wait) => Action::Pause,
            None => {
                respond::close();
                Action::Pause
            }
        }
    }

    /// The connection is there.
    pub(super) fn on_new_connection(&mut self) -> Action {
        match self.subject.plugin() {
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
        self.subject.consulting.call()
    }

    /// An authorizer answered `call` with a body of `size` bytes.
    pub(super) fn on_http_call_response(&mut self, call: u32, size: usize) {
        if let Progress::Go = self.subject.on_answer(call, size) {
            self.allowed = true;
            // A connection that is gone needs no resuming.
            let _ = hostcalls::resume_downstream();
        }
    }
}
