//! One TCP connection.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, StreamContext};
use proxy_wasm::types::Action;

use super::plugin::{Plugin, Progress};

/// A connection; keeps the configuration that was in force when it came.
pub(super) struct Tcp {
    plugin: Option<Rc<Plugin>>,
}

impl Tcp {
    /// A connection under `plugin`.
    pub(super) fn new(plugin: Option<Rc<Plugin>>) -> Self {
        Self { plugin }
    }
}

impl Context for Tcp {}

impl StreamContext for Tcp {
    fn on_new_connection(&mut self) -> Action {
        match self.plugin.as_ref().map(|plugin| plugin.judge_tcp()) {
            Some(Progress::Go) => Action::Continue,
            Some(Progress::Stop) | None => {
                // A connection that cannot be closed stays paused.
                let _ = hostcalls::close_downstream();
                Action::Pause
            }
        }
    }
}
