//! The host calls that the SDK offers in a lesser form.

#![allow(
    unsafe_code,
    reason = "raw host calls: the SDK has no safe form of them"
)]

use std::cell::{Cell, RefCell};
use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::BufferType;

use crate::decision::LocalReply;
use crate::ext_authz::Answer;
use crate::headers::{self, Headers};

const OK: u32 = 0;
const HTTP_REQUEST_HEADERS: u32 = 0;
const HTTP_CALL_RESPONSE_HEADERS: u32 = 6;
const HTTP_CALL_RESPONSE_TRAILERS: u32 = 7;
/// A header map without headers: their count.
const NO_HEADERS: &[u8] = &[0; 4];
const NO_GRPC_STATUS: i32 = -1;
const NANOSECONDS: u64 = 1_000_000_000;

/// More memory than this is not kept between requests.
const MAX_SPARE: usize = 64 * 1024;

thread_local! {
    /// Memory for the headers of the next request.
    static SPARE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    /// Whether the host is about to ask for memory for headers.
    static HEADERS_EXPECTED: Cell<bool> = const { Cell::new(false) };
    /// How much it got.
    static LENT: Cell<usize> = const { Cell::new(0) };
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;

    fn proxy_get_property(
        path_data: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;

    fn proxy_set_property(
        path_data: *const u8,
        path_size: usize,
        data: *const u8,
        size: usize,
    ) -> u32;

    fn proxy_call_foreign_function(
        name_data: *const u8,
        name_size: usize,
        arguments_data: *const u8,
        arguments_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;

    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;

    fn proxy_http_call(
        cluster_data: *const u8,
        cluster_size: usize,
        headers_data: *const u8,
        headers_size: usize,
        body_data: *const u8,
        body_size: usize,
        trailers_data: *const u8,
        trailers_size: usize,
        timeout: u32,
        call: *mut u32,
    ) -> u32;

    fn proxy_send_local_response(
        status: u32,
        details_data: *const u8,
        details_size: usize,
        body_data: *const u8,
        body_size: usize,
        headers_data: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
}

/// The request headers.
pub(super) fn request_headers() -> Headers {
    header_map(HTTP_REQUEST_HEADERS)
}

/// The answer to the HTTP call in hand; `None` when its body of `size` bytes is larger than `most`.
pub(super) fn answer(size: usize, most: usize) -> Option<Answer> {
    if size > most {
        return None;
    }
    let body = hostcalls::get_buffer(BufferType::HttpCallResponseBody, 0, size);
    Some(Answer {
        headers: header_map(HTTP_CALL_RESPONSE_HEADERS),
        body: body.ok().flatten().unwrap_or_default(),
        trailers: header_map(HTTP_CALL_RESPONSE_TRAILERS),
    })
}

/// Calls `cluster`; returns the number of the call, whose answer comes to the context in hand. The
/// SDK would remember the call for ever where the context goes first, and panics at a status that it
/// does not know.
pub(super) fn http_call<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    cluster: &str,
    headers: impl IntoIterator<Item = (N, V), IntoIter: Clone>,
    body: &[u8],
    timeout: Duration,
) -> Result<u32, u32> {
    let (headers, trailers) = (headers::serialize(headers), NO_HEADERS);
    let timeout = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    let mut call = 0;
    // SAFETY: every pointer is valid for its length for the time of the call, the last for a write.
    let status = unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            trailers.as_ptr(),
            trailers.len(),
            timeout,
            &mut call,
        )
    };
    match status {
        OK => Ok(call),
        status => Err(status),
    }
}

/// A header map as one block; the SDK would make two `String`s of every header. Give the memory back
/// when it is no longer needed.
fn header_map(map: u32) -> Headers {
    HEADERS_EXPECTED.set(true);
    // SAFETY: both pointers are valid for writes for the time of the call.
    let blob = answer_of(|data, size| unsafe { proxy_get_header_map_pairs(map, data, size) });
    HEADERS_EXPECTED.set(false);
    Headers::from_blob(blob.unwrap_or_default())
}

/// The property at `path`, whose parts are separated by NUL.
pub(super) fn property(path: &str) -> Option<Vec<u8>> {
    // SAFETY: every pointer is valid for the time of the call, the last two for writes.
    answer_of(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// What the host's function `name` answers; `None` where it has no such function, or the call fails.
/// The SDK panics at a status that it does not know.
pub(super) fn call_foreign_function(name: &str, arguments: &[u8]) -> Option<Vec<u8>> {
    // SAFETY: every pointer is valid for the time of the call, the last two for writes.
    answer_of(|data, size| unsafe {
        proxy_call_foreign_function(
            name.as_ptr(),
            name.len(),
            arguments.as_ptr(),
            arguments.len(),
            data,
            size,
        )
    })
}

/// What the host writes into memory that it asks for, and says where; `None` where the call fails.
fn answer_of(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let mut data = std::ptr::null_mut();
    let mut size = 0;
    let status = call(&mut data, &mut size);
    // SAFETY: the host has set both to what it got during this call.
    (status == OK)
        .then(|| unsafe { taken(data, size) })
        .flatten()
}

/// Leaves `value` as filter state `wasm.<path>`; whether the host takes it.
pub(super) fn set_property(path: &str, value: &[u8]) -> bool {
    // SAFETY: both pointers are valid for reads of their lengths for the time of the call.
    let status =
        unsafe { proxy_set_property(path.as_ptr(), path.len(), value.as_ptr(), value.len()) };
    status == OK
}

/// Takes back what the host was lent last; `None` where it was lent nothing.
///
/// # Safety
/// `data` is null, or what `on_memory_allocate` returned last, with `size` bytes written; nobody
/// else takes it.
unsafe fn taken(data: *mut u8, size: usize) -> Option<Vec<u8>> {
    let capacity = LENT.take();
    // For what is there and empty the host asks for no memory.
    if size == 0 {
        return Some(Vec::new());
    }
    if data.is_null() || size > capacity {
        return None;
    }
    // SAFETY: `on_memory_allocate` leaked a vector of this capacity.
    Some(unsafe { Vec::from_raw_parts(data, size, capacity) })
}

/// Keeps the memory of headers for those of the next request.
pub(super) fn give_back(headers: Headers) {
    let mut memory = headers.into_blob();
    memory.clear();
    SPARE.with_borrow_mut(|spare| {
        if (spare.capacity()..=MAX_SPARE).contains(&memory.capacity()) {
            *spare = memory;
        }
    });
}

/// How the host gets memory. The SDK takes it back as a vector of exactly `size` bytes, `header_map`
/// as one of what was lent.
#[unsafe(export_name = "palisade_on_memory_allocate")]
extern "C" fn on_memory_allocate(size: usize) -> *mut u8 {
    let mut memory = if HEADERS_EXPECTED.take() {
        SPARE.take()
    } else {
        Vec::new()
    };
    memory.reserve_exact(size);
    LENT.set(memory.capacity());
    std::mem::ManuallyDrop::new(memory).as_mut_ptr()
}

/// Whole seconds since the Unix epoch by the host's clock.
pub(super) fn now() -> Option<i64> {
    let mut time = 0;
    // SAFETY: the pointer is valid for a write for the time of the call.
    let status = unsafe { proxy_get_current_time_nanoseconds(&mut time) };
    i64::try_from(time / NANOSECONDS)
        .ok()
        .filter(|_| status == OK)
}

/// Answers the request here, with response code details; the SDK passes none.
pub(super) fn send_local_reply(reply: &LocalReply) -> bool {
    let pairs = reply.headers.iter();
    let headers = headers::serialize(pairs.map(|(name, value)| (&**name, value)));
    // SAFETY: every pointer is valid for reads of its length for the time of the call.
    let status = unsafe {
        proxy_send_local_response(
            reply.status.into(),
            reply.details.as_ptr(),
            reply.details.len(),
            reply.body.as_ptr(),
            reply.body.len(),
            headers.as_ptr(),
            headers.len(),
            NO_GRPC_STATUS,
        )
    };
    status == OK
}
