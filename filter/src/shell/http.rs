//! One HTTP request.

use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::Action;

use super::plugin::{Plugin, Progress};
use super::respond;

/// A request; keeps the configuration that was in force when it came.
pub(super) struct Http {
    context_id: u32,
    plugin: Option<Rc<Plugin>>,
}

impl Http {
    /// A request under `plugin`.
    pub(super) fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self { context_id, plugin }
    }
}

impl Context for Http {}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        match self
            .plugin
            .as_ref()
            .map(|plugin| plugin.judge_http(self.context_id))
        {
            Some(Progress::Go) => Action::Continue,
            Some(Progress::Stop) => Action::Pause,
            // A stream without a configuration is not served.
            None => {
                respond::reply(&respond::not_configured());
                Action::Pause
            }
        }
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.forget(self.context_id);
        }
    }
}
