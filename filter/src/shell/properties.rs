//! Envoy's attributes, typed. What is absent or unreadable is `None`.

use std::net::{IpAddr, SocketAddr};

use proxy_wasm::hostcalls;

/// The raw value at `path`.
pub(super) fn bytes(path: &[&str]) -> Option<Vec<u8>> {
    hostcalls::get_property(path.to_vec()).ok().flatten()
}

/// A non-empty string.
pub(super) fn text(path: &[&str]) -> Option<String> {
    bytes(path)
        .and_then(|value| String::from_utf8(value).ok())
        .filter(|value| !value.is_empty())
}

/// An IP address alone.
pub(super) fn ip(path: &[&str]) -> Option<IpAddr> {
    text(path)?.parse().ok()
}

/// The address in `address:port`.
pub(super) fn socket_ip(path: &[&str]) -> Option<IpAddr> {
    text(path)?
        .parse::<SocketAddr>()
        .ok()
        .map(|address| address.ip())
}

/// A port, which Envoy gives as a 64-bit little-endian integer.
pub(super) fn port(path: &[&str]) -> Option<u16> {
    let value: [u8; 8] = bytes(path)?.try_into().ok()?;
    u16::try_from(i64::from_le_bytes(value)).ok()
}
