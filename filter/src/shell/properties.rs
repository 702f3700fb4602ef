//! Envoy's attributes, typed. What is absent or unreadable is `None`.
//!
//! The parts of a path are separated by NUL, as the host wants them.

use std::net::{IpAddr, SocketAddr};

use super::abi::property;

/// A non-empty string.
pub(super) fn text(path: &str) -> Option<String> {
    property(path).and_then(string)
}

/// The name in the peer's certificate: its first URI SAN, else its first DNS SAN, else its subject.
pub(super) fn peer() -> Option<String> {
    text("connection\0uri_san_peer_certificate").or_else(|| {
        // Without TLS there is no subject, not even an empty one, and nothing else to ask for.
        let subject = property("connection\0subject_peer_certificate")?;
        text("connection\0dns_san_peer_certificate").or_else(|| string(subject))
    })
}

/// An IP address alone.
pub(super) fn ip(path: &str) -> Option<IpAddr> {
    text(path)?.parse().ok()
}

/// The address in `address:port`.
pub(super) fn socket_ip(path: &str) -> Option<IpAddr> {
    text(path)?
        .parse::<SocketAddr>()
        .ok()
        .map(|address| address.ip())
}

/// A port, which Envoy gives as a 64-bit little-endian integer.
pub(super) fn port(path: &str) -> Option<u16> {
    let value: [u8; 8] = property(path)?.try_into().ok()?;
    u16::try_from(i64::from_le_bytes(value)).ok()
}

fn string(value: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(value).ok();
    text.filter(|text| !text.is_empty())
}
