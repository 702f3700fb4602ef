//! One HTTP request.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, MapType};

use super::consulting::Consulting;
use super::plugin::{Plugin, Progress};
use super::respond;

/// A request; keeps the configuration that was in force when it came.
pub(super) struct Http {
    context_id: u32,
    plugin: Option<Rc<Plugin>>,
    consulting: Consulting,
}

impl Http {
    /// A request under `plugin`.
    pub(super) fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            context_id,
            plugin,
            consulting: Consulting::default(),
        }
    }
}

impl Context for Http {
    fn on_http_call_response(&mut self, call: u32, _headers: usize, size: usize, _trailers: usize) {
        let Some(plugin) = &self.plugin else {
            return;
        };
        let progress = plugin.on_answer(self.context_id, &mut self.consulting, call, size);
        if let Progress::Go = progress {
            // A stream that is gone needs no resuming.
            let _ = hostcalls::resume_http_request();
        }
    }
}

impl HttpContext for Http {
    fn on_http_request_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        let Some(plugin) = &self.plugin else {
            // A stream without a configuration is not served.
            respond::reply(&respond::not_configured());
            return Action::Pause;
        };
        match plugin.judge(self.context_id, &mut self.consulting) {
            Progress::Go => Action::Continue,
            Progress::Stop => Action::Pause,
        }
    }

    fn on_http_response_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        for (name, value) in self.consulting.take_response_headers() {
            // The client misses a header; the request was allowed all the same.
            let _ = hostcalls::add_map_value_bytes(MapType::HttpResponseHeaders, &name, &value);
        }
        Action::Continue
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.forget(self.context_id);
        }
    }
}
