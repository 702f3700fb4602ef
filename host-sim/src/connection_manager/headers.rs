//! Headers: what is refused, and how repeated ones arrive.

use super::Refusal;
use crate::engine::Request;

/// Name and value as the client sends them.
pub(super) type Sent = (String, String);

/// Envoy's default `max_headers_count`.
const MAX_COUNT: usize = 100;
/// Envoy's default `max_request_headers_kb`, in bytes of the request's head.
const MAX_BYTES: usize = 60 * 1024;

/// Headers of which Envoy keeps one value: repeated ones arrive joined by commas.
const INLINE: [&str; 30] = [
    "accept",
    "accept-encoding",
    "access-control-request-headers",
    "access-control-request-method",
    "authorization",
    "cache-control",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "etag",
    "expect",
    "grpc-accept-encoding",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "origin",
    "proxy-connection",
    "referer",
    "te",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-client-cert",
    "x-forwarded-for",
    "x-forwarded-proto",
];

/// Refuses what the parser refuses.
pub(super) fn check(request: &Request, sent: &[Sent]) -> Result<(), Refusal> {
    // `Host` is one of them.
    if sent.len() + 1 > MAX_COUNT || head_len(request, sent) > MAX_BYTES {
        return Err(Refusal::TooLarge);
    }
    let host = request.host.bytes().all(|byte| byte.is_ascii_graphic());
    let is_header = |(name, value): &Sent| is_name(name) && is_value(value);
    if host && sent.iter().all(is_header) {
        Ok(())
    } else {
        Err(Refusal::Header)
    }
}

/// Bytes of the request line, the headers and the empty line, as HTTP/1.1 writes them.
fn head_len(request: &Request, sent: &[Sent]) -> usize {
    let line = |name: &str, value: &str| name.len() + ": ".len() + value.len() + "\r\n".len();
    let request_line = request.method.len() + request.path.len() + "  HTTP/1.1\r\n".len();
    let headers = sent.iter().map(|(name, value)| line(name, value));
    request_line + line("host", &request.host) + headers.sum::<usize>() + "\r\n".len()
}

/// RFC 9110 section 5.6.2, `token`.
fn is_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// RFC 9110 section 5.5, `field-value`.
fn is_value(value: &str) -> bool {
    value
        .bytes()
        .all(|byte| byte == b'\t' || !byte.is_ascii_control())
}

/// Names in lower case, values without the blanks around them, inline headers joined.
pub(super) fn joined(sent: &[Sent]) -> Vec<(String, Vec<u8>)> {
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in sent {
        let name = name.to_ascii_lowercase();
        let value = value.trim_matches([' ', '\t']).as_bytes();
        let inline = INLINE.contains(&name.as_str());
        match headers
            .iter_mut()
            .find(|(known, _)| inline && *known == name)
        {
            Some((_, all)) => {
                all.push(b',');
                all.extend_from_slice(value);
            }
            None => headers.push((name, value.to_vec())),
        }
    }
    headers
}

/// The `Host` of the request; another one among the headers is joined to it.
pub(super) fn take_host(request: &Request, headers: &mut Vec<(String, Vec<u8>)>) -> String {
    let mut host = request.host.clone();
    headers.retain(|(name, value)| {
        let is_host = name == "host";
        if is_host {
            host.push(',');
            host.push_str(&String::from_utf8_lossy(value));
        }
        !is_host
    });
    host
}
