//! The host calls that the SDK offers in a lesser form.

#![allow(
    unsafe_code,
    reason = "raw host calls: the SDK has no safe form of them"
)]

use std::time::Duration;

use proxy_wasm::hostcalls;
use proxy_wasm::types::BufferType;

use crate::decision::LocalReply;
use crate::ext_authz::Answer;
use crate::headers::Headers;

const OK: u32 = 0;
const HTTP_REQUEST_HEADERS: u32 = 0;
const HTTP_CALL_RESPONSE_HEADERS: u32 = 6;
const HTTP_CALL_RESPONSE_TRAILERS: u32 = 7;
/// A header map without headers: their count.
const NO_HEADERS: &[u8] = &[0; 4];
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;

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
    headers: impl IntoIterator<Item = (N, V)>,
    body: &[u8],
    timeout: Duration,
) -> Result<u32, u32> {
    let headers: Headers = headers.into_iter().collect();
    let (headers, trailers) = (headers.as_bytes(), NO_HEADERS);
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

/// A header map as one block; the SDK would make two `String`s of every header.
fn header_map(map: u32) -> Headers {
    let mut data = std::ptr::null_mut();
    let mut size = 0;
    // SAFETY: both pointers are valid for writes for the time of the call.
    let status = unsafe { proxy_get_header_map_pairs(map, &mut data, &mut size) };
    if status != OK || data.is_null() {
        return Headers::default();
    }
    // SAFETY: the host got this block of exactly `size` bytes from `proxy_on_memory_allocate`,
    // which leaks a boxed slice to it.
    Headers::from_blob(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// Answers the request here, with response code details; the SDK passes none.
pub(super) fn send_local_reply(reply: &LocalReply) -> bool {
    let headers: Headers = reply
        .headers
        .iter()
        .map(|(name, value)| (name, value))
        .collect();
    let headers = headers.as_bytes();
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
