//! The host calls that the SDK offers in a lesser form.

#![allow(
    unsafe_code,
    reason = "raw host calls: the SDK has no safe form of them"
)]

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, Status};

use crate::decision::LocalReply;
use crate::ext_authz::{Answer, Check};
use crate::headers::Headers;

const OK: u32 = 0;
const HTTP_REQUEST_HEADERS: u32 = 0;
const HTTP_CALL_RESPONSE_HEADERS: u32 = 6;
const HTTP_CALL_RESPONSE_TRAILERS: u32 = 7;
const NO_GRPC_STATUS: i32 = -1;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;

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

/// Sends a check to its cluster; returns the number of the call.
pub(super) fn dispatch(check: &Check) -> Result<u32, Status> {
    let headers = check.headers.iter().map(|(name, value)| {
        // SAFETY: the SDK copies the bytes and looks at none of them.
        let value = unsafe { std::str::from_utf8_unchecked(value) };
        (name.as_str(), value)
    });
    let body = (!check.body.is_empty()).then_some(check.body.as_slice());
    let (headers, trailers) = (headers.collect(), Vec::new());
    hostcalls::dispatch_http_call(&check.cluster, headers, body, trailers, check.timeout)
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
