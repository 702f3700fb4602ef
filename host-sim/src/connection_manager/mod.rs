//! What Envoy's HTTP connection manager does to a request before filters see it: as far as
//! policies can tell.

mod address;
mod normalize;

pub use normalize::PathNormalization;

use std::net::IpAddr;

use crate::engine::{Mesh, Request};

/// A request that the connection manager lets through.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// Headers with pseudo headers first, names in lower case.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The address that Envoy takes for the client's.
    pub remote_ip: IpAddr,
    /// Its port; 0 when the address comes from a header.
    pub remote_port: u16,
}

const BAD_REQUEST: u16 = 400;

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

/// Lets a request in, or answers it with a status.
///
/// # Errors
/// The status of Envoy's own answer.
pub fn admit(mesh: &Mesh, request: &Request) -> Result<Admitted, u16> {
    if request.method.is_empty() || request.method.bytes().any(|byte| !is_method(byte)) {
        return Err(BAD_REQUEST);
    }
    let target = origin_form(&request.path);
    let path = normalize::normalize(target, mesh).ok_or(BAD_REQUEST)?;
    let mut headers = request_headers(request);
    let (remote_ip, from_header) = address::remote(mesh, request, &mut headers);
    let tls = request.peer.is_some() || request.sni.is_some();
    let scheme = if tls { "https" } else { "http" };
    let pseudo = [
        (":authority", request.host.as_str()),
        (":path", &path),
        (":method", &request.method),
        (":scheme", scheme),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    Ok(Admitted {
        headers: pseudo.into_iter().chain(headers).collect(),
        remote_ip,
        remote_port: if from_header { 0 } else { 40_000 },
    })
}

/// Envoy's parser takes the methods that there are, all in capitals.
fn is_method(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'-'
}

/// The path of a target in absolute form (RFC 9112 section 3.2.2).
fn origin_form(target: &str) -> &str {
    let Some(rest) = target
        .strip_prefix("http://")
        .or_else(|| target.strip_prefix("https://"))
    else {
        return target;
    };
    rest.find(['/', '?']).map_or("/", |at| &rest[at..])
}

/// Names in lower case, inline headers joined.
fn request_headers(request: &Request) -> Vec<(String, Vec<u8>)> {
    let mut headers: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, value) in &request.headers {
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
