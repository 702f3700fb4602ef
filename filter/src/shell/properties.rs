//! Envoy's attributes, typed. What is absent or unreadable is `None`.
//!
//! The parts of a path are separated by NUL, as the host wants them.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};

use super::abi::property;

thread_local! {
    /// Whether the last peer used no TLS.
    static PLAINTEXT: Cell<bool> = const { Cell::new(false) };
}

/// A non-empty string.
pub(super) fn text(path: &str) -> Option<String> {
    property(path).and_then(string)
}

/// The name in the peer's certificate: its first URI SAN, else its first DNS SAN, else its subject.
///
/// Peers of one listener all use TLS or none does, most often: what is asked first is what answers at
/// once for a peer like the last one. Without TLS there is no subject, not even an empty one, and
/// nothing else to ask for.
pub(super) fn peer() -> Option<String> {
    let subject = || property("connection\0subject_peer_certificate");
    let uri = || text("connection\0uri_san_peer_certificate");
    let dns = || text("connection\0dns_san_peer_certificate");
    if PLAINTEXT.get() {
        let subject = subject()?;
        PLAINTEXT.set(false);
        uri().or_else(dns).or_else(|| string(subject))
    } else {
        uri().or_else(|| match subject() {
            Some(subject) => dns().or_else(|| string(subject)),
            None => {
                PLAINTEXT.set(true);
                None
            }
        })
    }
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
