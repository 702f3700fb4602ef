//! The callbacks of the ABI: which context each one is for.
//!
//! The SDK's own dispatcher keeps an object for every request and wants to be told when each one
//! ends. Most requests are decided at once and leave nothing behind, so here only those are kept
//! that wait, or whose response is still to be changed. `trim` gives these functions the names that
//! Envoy calls.
//! Source: proxy-wasm ABI v0.2.1.

#![allow(
    unsafe_code,
    reason = "a function that the host calls by name has to be exported"
)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use proxy_wasm::hostcalls;
use proxy_wasm::types::{Action, LogLevel};

use super::http::Http;
use super::plugin::Plugin;
use super::root::Root;
use super::tcp::Tcp;
use crate::attributes::Protocol;

/// What there is in this VM.
#[derive(Default)]
struct Contexts {
    roots: BTreeMap<u32, Rc<Root>>,
    /// Streams that have begun just now, and their roots.
    begun: Vec<(u32, u32)>,
    streams: BTreeMap<u32, Stream>,
    /// Which stream made a call.
    calls: BTreeMap<u32, u32>,
}

/// A stream that is not done with.
enum Stream {
    Http(Http),
    Tcp(Tcp),
}

thread_local! {
    static CONTEXTS: RefCell<Contexts> = RefCell::default();
}

/// Uses the contexts; nothing that calls the host may happen meanwhile.
fn contexts<R>(use_them: impl FnOnce(&mut Contexts) -> R) -> R {
    CONTEXTS.with_borrow_mut(use_them)
}

fn root(context_id: u32) -> Option<Rc<Root>> {
    contexts(|contexts| contexts.roots.get(&context_id).cloned())
}

/// The configuration under which a stream begins: the one in force in its root. One for another
/// protocol is none.
fn begin(context_id: u32, protocol: Protocol) -> Option<Rc<Plugin>> {
    let plugin = contexts(|contexts| {
        let mut begun = contexts.begun.iter();
        let at = begun.rposition(|(id, _)| *id == context_id)?;
        let (_, root) = contexts.begun.swap_remove(at);
        contexts.roots.get(&root)?.plugin()
    });
    plugin.filter(|plugin| plugin.protocol() == protocol)
}

fn take(context_id: u32) -> Option<Stream> {
    contexts(|contexts| contexts.take(context_id))
}

fn keep(context_id: u32, stream: Stream) {
    if stream.is_unfinished() {
        contexts(|contexts| contexts.keep(context_id, stream));
    }
}

// === impl Contexts ===

impl Contexts {
    fn take(&mut self, context_id: u32) -> Option<Stream> {
        let stream = self.streams.remove(&context_id)?;
        if let Some(call) = stream.call() {
            self.calls.remove(&call);
        }
        Some(stream)
    }

    fn keep(&mut self, context_id: u32, stream: Stream) {
        if let Some(call) = stream.call() {
            self.calls.insert(call, context_id);
        }
        self.streams.insert(context_id, stream);
    }
}

// === impl Stream ===

impl Stream {
    /// Whether something is still to be done about it.
    fn is_unfinished(&self) -> bool {
        match self {
            Self::Http(http) => http.is_unfinished(),
            Self::Tcp(_) => true,
        }
    }

    /// The call that it waits for.
    fn call(&self) -> Option<u32> {
        match self {
            Self::Http(http) => http.call(),
            Self::Tcp(tcp) => tcp.call(),
        }
    }

    fn on_http_call_response(&mut self, call: u32, body: usize) {
        match self {
            Self::Http(http) => http.on_http_call_response(call, body),
            Self::Tcp(tcp) => tcp.on_http_call_response(call, body),
        }
    }
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

#[unsafe(export_name = "palisade_initialize")]
extern "C" fn initialize() {
    // SAFETY: the toolchain's own, to be called once, before anything else.
    unsafe { __wasm_call_ctors() };
    proxy_wasm::set_log_level(LogLevel::Warn);
}

/// Envoy calls this only where nobody has taken the SDK's callbacks out, which would go on with
/// every request.
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    let message = "this is not the finished module: use target/palisade.wasm";
    // Whoever does not read it sees the trap.
    let _ = hostcalls::log(LogLevel::Critical, message);
    std::process::abort();
}

#[unsafe(export_name = "palisade_on_context_create")]
extern "C" fn on_context_create(context_id: u32, parent_id: u32) {
    if parent_id == 0 {
        let root = Rc::new(Root::new(context_id));
        contexts(|contexts| contexts.roots.insert(context_id, root));
    } else {
        contexts(|contexts| contexts.begun.push((context_id, parent_id)));
    }
}

#[unsafe(export_name = "palisade_on_vm_start")]
extern "C" fn on_vm_start(context_id: u32, _size: usize) -> bool {
    root(context_id).is_some_and(|root| root.on_vm_start())
}

#[unsafe(export_name = "palisade_on_configure")]
extern "C" fn on_configure(context_id: u32, size: usize) -> bool {
    root(context_id).is_some_and(|root| root.on_configure(size))
}

#[unsafe(export_name = "palisade_on_tick")]
extern "C" fn on_tick(context_id: u32) {
    if let Some(root) = root(context_id) {
        root.on_tick();
    }
}

#[unsafe(export_name = "palisade_on_request_headers")]
extern "C" fn on_request_headers(context_id: u32, _headers: usize, _end_of_stream: bool) -> Action {
    let mut http = Http::new(context_id, begin(context_id, Protocol::Http));
    let action = http.on_request_headers();
    keep(context_id, Stream::Http(http));
    action
}

#[unsafe(export_name = "palisade_on_response_headers")]
extern "C" fn on_response_headers(
    context_id: u32,
    _headers: usize,
    _end_of_stream: bool,
) -> Action {
    if let Some(Stream::Http(mut http)) = take(context_id) {
        http.on_response_headers();
        keep(context_id, Stream::Http(http));
    }
    Action::Continue
}

#[unsafe(export_name = "palisade_on_new_connection")]
extern "C" fn on_new_connection(context_id: u32) -> Action {
    let mut tcp = Tcp::new(context_id, begin(context_id, Protocol::Tcp));
    let action = tcp.on_new_connection();
    keep(context_id, Stream::Tcp(tcp));
    action
}

#[unsafe(export_name = "palisade_on_downstream_data")]
extern "C" fn on_downstream_data(context_id: u32, _size: usize, _end_of_stream: bool) -> Action {
    let Some(Stream::Tcp(mut tcp)) = take(context_id) else {
        // Nobody has judged this connection.
        return Action::Pause;
    };
    let action = tcp.on_downstream_data();
    keep(context_id, Stream::Tcp(tcp));
    action
}

#[unsafe(export_name = "palisade_on_http_call_response")]
extern "C" fn on_http_call_response(
    context_id: u32,
    call: u32,
    _headers: usize,
    body: usize,
    _trailers: usize,
) {
    // Envoy names the root, whoever made the call.
    let Some(stream_id) = contexts(|contexts| contexts.calls.get(&call).copied()) else {
        if let Some(root) = root(context_id) {
            root.on_http_call_response(call, body);
        }
        return;
    };
    if let Some(mut stream) = take(stream_id)
        && hostcalls::set_effective_context(stream_id).is_ok()
    {
        stream.on_http_call_response(call, body);
        keep(stream_id, stream);
    }
}

#[unsafe(export_name = "palisade_on_done")]
extern "C" fn on_done(context_id: u32) -> bool {
    let gone = contexts(|contexts| {
        contexts.begun.retain(|(id, _)| *id != context_id);
        (
            contexts.roots.remove(&context_id),
            contexts.take(context_id),
        )
    });
    if let (Some(root), _) = gone {
        root.on_done();
    }
    true
}
