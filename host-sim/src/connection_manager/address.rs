//! Which address Envoy takes for the client's.

use std::net::IpAddr;

use super::FORWARDED_FOR;
use crate::engine::{Mesh, Proxy, Request};

/// The remote address, and whether it comes from a header; completes `x-forwarded-for`.
///
/// A sidecar (`use_remote_address: false`) believes the last entry of X-Forwarded-For. A gateway
/// believes the entry that as many trusted proxies as there are have put there, counted from the
/// right, and adds its peer.
pub(super) fn remote(
    mesh: &Mesh,
    request: &Request,
    headers: &mut Vec<(String, Vec<u8>)>,
) -> (IpAddr, bool) {
    let given =
        |headers: &[(String, Vec<u8>)]| headers.iter().position(|(name, _)| name == FORWARDED_FOR);
    let forwarded = given(headers).map(|at| String::from_utf8_lossy(&headers[at].1).into_owned());
    let entries: Vec<&str> = forwarded
        .as_deref()
        .map(|all| all.split(',').map(str::trim).collect())
        .unwrap_or_default();
    let hops = mesh.xff_num_trusted_hops as usize;
    let entry = match (mesh.proxy, hops) {
        (Proxy::Sidecar, _) => entries.iter().rev().nth(hops),
        (Proxy::Gateway, 0) => None,
        (Proxy::Gateway, hops) => entries.iter().rev().nth(hops - 1),
    };
    let client = entry.and_then(|entry| entry.parse().ok());
    if mesh.proxy == Proxy::Gateway {
        let peer = request.source_ip.to_string();
        match given(headers) {
            Some(at) => headers[at].1.extend(format!(",{peer}").into_bytes()),
            None => headers.push((FORWARDED_FOR.to_owned(), peer.into_bytes())),
        }
    }
    (client.unwrap_or(request.source_ip), client.is_some())
}
