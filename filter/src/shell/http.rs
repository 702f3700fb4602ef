//! One HTTP request.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{Action, MapType};

use super::consulting::Consulting;
use super::plugin::{Plugin, Progress};
use super::respond;

/// A request; keeps the configuration that was in force when it came.
pub(super) struct Http {
    context_id: u32,
    plugin: Option<Rc<Plugin>>,
    consulting: Consulting,
    /// Whether it may still go on, or be answered, later.
    paused: bool,
}

impl Http {
    /// A request under `plugin`.
    pub(super) fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            context_id,
            plugin,
            consulting: Consulting::default(),
            paused: false,
        }
    }

    /// Whether something is still to be done about it.
    pub(super) fn is_unfinished(&self) -> bool {
        self.paused || self.consulting.has_response_headers()
    }

    /// The request is there.
    pub(super) fn on_request_headers(&mut self) -> Action {
        let Some(plugin) = &self.plugin else {
            // A stream without a configuration is not served.
            respond::reply(&respond::not_configured());
            return Action::Pause;
        };
        match plugin.judge(self.context_id, &mut self.consulting) {
            Progress::Go => Action::Continue,
            Progress::Stop => {
                self.paused = true;
                Action::Pause
            }
        }
    }

    /// The application's response is there.
    pub(super) fn on_response_headers(&mut self) {
        for (name, value) in self.consulting.take_response_headers() {
            // The client misses a header; the request was allowed all the same.
            let _ = hostcalls::add_map_value_bytes(MapType::HttpResponseHeaders, &name, &value);
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
            self.paused = false;
            // A stream that is gone needs no resuming.
            let _ = hostcalls::resume_http_request();
        }
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin
            && self.paused
        {
            plugin.forget(self.context_id);
        }
    }
}
