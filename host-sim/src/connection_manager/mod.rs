//! What Envoy's HTTP connection manager does to a request before filters see it: as far as
//! policies can tell. Where no source is named, it was observed on Envoy 1.40.0.

mod address;
mod canonical;
mod headers;
mod method;
mod normalize;
mod refusal;
mod target;

pub use normalize::PathNormalization;
pub use refusal::Refusal;

use std::net::IpAddr;

use crate::engine::{Mesh, Proxy, Request};
use target::Target;

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

/// Headers that the connection manager itself adds to a request.
pub const ADDED: [&str; 2] = [FORWARDED_FOR, FORWARDED_PROTO];

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Lets a request in, or says why Envoy answers it itself.
///
/// # Errors
/// Why Envoy itself refuses the request.
pub fn admit(mesh: &Mesh, request: &Request) -> Result<Admitted, Refusal> {
    let sent = request.sent_headers(mesh);
    headers::check(request, &sent)?;
    if !method::is_known(&request.method) {
        return Err(Refusal::Method);
    }
    let target = Target::parse(&request.path)?;
    let path = normalize::normalize(target.path, mesh)?;
    let mut headers = headers::joined(&sent);
    let (remote_ip, from_header) = address::remote(mesh, request, &mut headers);
    let forwarded_scheme = forwarded_proto(mesh, request, &mut headers);
    let host = headers::take_host(request, &mut headers);
    let pseudo = [
        (":authority", target.authority.map_or(host, str::to_owned)),
        (":path", path),
        (":method", request.method.clone()),
        (
            ":scheme",
            target.scheme.unwrap_or(forwarded_scheme).to_owned(),
        ),
    ];
    let pseudo = pseudo.map(|(name, value)| (name.to_owned(), value.into_bytes()));
    Ok(Admitted {
        headers: pseudo.into_iter().chain(headers).collect(),
        remote_ip,
        remote_port: if from_header { 0 } else { 40_000 },
    })
}

/// The scheme that `x-forwarded-proto` says; completes that header. An edge without trusted
/// proxies in front does not believe its client.
fn forwarded_proto(
    mesh: &Mesh,
    request: &Request,
    headers: &mut Vec<(String, Vec<u8>)>,
) -> &'static str {
    let tls = request.peer.is_some() || request.sni.is_some();
    let own = if tls { "https" } else { "http" };
    let believed = mesh.proxy == Proxy::Sidecar || mesh.xff_num_trusted_hops > 0;
    if !believed {
        headers.retain(|(name, _)| name != FORWARDED_PROTO);
    }
    let given = headers.iter().find(|(name, _)| name == FORWARDED_PROTO);
    match given.map(|(_, value)| value.to_ascii_lowercase()) {
        None => {
            headers.push((FORWARDED_PROTO.to_owned(), own.into()));
            own
        }
        Some(scheme) if scheme == b"https" => "https",
        Some(scheme) if scheme == b"http" => "http",
        Some(_) => own,
    }
}
