//! One HTTP request.

use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{Action, MapType};

use super::plugin::{Plugin, Progress};
use super::respond;
use super::subject::Subject;

/// A request.
pub(super) struct Http {
    subject: Subject,
    /// Whether it may still go on, or be answered, later.
    paused: bool,
}

impl Http {
    /// A request under `plugin`.
    pub(super) fn new(context_id: u32, plugin: Option<Rc<Plugin>>) -> Self {
        Self {
            subject: Subject::new(context_id, plugin),
            paused: false,
        }
    }

    /// Whether something is still to be done about it.
    pub(super) fn is_unfinished(&self) -> bool {
        self.paused || self.subject.consulting.has_response_headers()
    }

    /// The request is there.
    pub(super) fn on_request_headers(&mut self) -> Action {
        match self.subject.judge() {
            Some(Progress::Go) => Action::Continue,
            Some(Progress::Over) => Action::Pause,
            Some(Progress::Wait) => {
                self.paused = true;
                Action::Pause
            }
            None => {
                // A stream without a configuration is not served.
                respond::reply(&respond::not_configured());
                Action::Pause
            }
        }
    }

    /// The application's response is there.
    pub(super) fn on_response_headers(&mut self) {
        for (name, value) in self.subject.consulting.take_response_headers() {
            // The client misses a header; the request was allowed all the same.
            let _ = hostcalls::add_map_value_bytes(MapType::HttpResponseHeaders, &name, &value);
        }
    }

    /// The call to an authorizer that is under way.
    pub(super) fn call(&self) -> Option<u32> {
        self.subject.consulting.call()
    }

    /// An authorizer answered `call` with a body of `size` bytes.
    pub(super) fn on_http_call_response(&mut self, call: u32, size: usize) {
        let progress = self.subject.on_answer(call, size);
        self.paused = matches!(progress, Progress::Wait);
        if let Progress::Go = progress {
            // A stream that is gone needs no resuming.
            let _ = hostcalls::resume_http_request();
        }
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        if self.paused {
            self.subject.forget();
        }
    }
}
