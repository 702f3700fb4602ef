//! The attributes of the stream in hand, each read from the host at most once.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::sync::Arc;

use super::{abi, properties};
use crate::attributes::{Attributes, Protocol};
use crate::headers::Headers;
use crate::json::Value;

/// The filter state object in which `set_filter_state` leaves the direct peer's address. The
/// attribute `source.address` is the client after X-Forwarded-For, which the client can forge.
const DIRECT_REMOTE: &str = "filter_state\0palisade.direct_remote";

/// How many elements of a metadata list are looked at.
const MAX_METADATA_LIST: usize = 64;

/// Attributes behind host calls.
pub(super) struct HostAttributes {
    protocol: Protocol,
    headers: OnceCell<Headers>,
    peer: OnceCell<Option<Arc<str>>>,
    source_ip: OnceCell<Option<IpAddr>>,
    remote_ip: OnceCell<Option<IpAddr>>,
    destination_ip: OnceCell<Option<IpAddr>>,
    destination_port: OnceCell<Option<u16>>,
    sni: OnceCell<Option<String>>,
    now: OnceCell<i64>,
}

impl HostAttributes {
    /// The attributes of the current stream.
    pub(super) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            headers: OnceCell::new(),
            peer: OnceCell::new(),
            source_ip: OnceCell::new(),
            remote_ip: OnceCell::new(),
            destination_ip: OnceCell::new(),
            destination_port: OnceCell::new(),
            sni: OnceCell::new(),
            now: OnceCell::new(),
        }
    }
}

impl Attributes for HostAttributes {
    fn headers(&self) -> &Headers {
        self.headers.get_or_init(|| match self.protocol {
            Protocol::Http => abi::request_headers(),
            Protocol::Tcp => Headers::default(),
        })
    }

    fn peer(&self) -> Option<&Arc<str>> {
        self.peer
            .get_or_init(|| properties::peer().map(Arc::from))
            .as_ref()
    }

    fn source_ip(&self) -> Option<IpAddr> {
        *self.source_ip.get_or_init(|| properties::ip(DIRECT_REMOTE))
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        *self
            .remote_ip
            .get_or_init(|| properties::socket_ip("source\0address"))
    }

    fn destination_ip(&self) -> Option<IpAddr> {
        *self
            .destination_ip
            .get_or_init(|| properties::socket_ip("destination\0address"))
    }

    fn destination_port(&self) -> Option<u16> {
        *self
            .destination_port
            .get_or_init(|| properties::port("destination\0port"))
    }

    fn sni(&self) -> Option<&str> {
        let read = || properties::text("connection\0requested_server_name");
        self.sni.get_or_init(read).as_deref()
    }

    fn metadata(&self, filter: &str, path: &[String]) -> Option<Value> {
        let text = |path: &str| properties::text(path).map(|text| Value::String(text.into()));
        let full = format!("metadata\0filter_metadata\0{filter}\0{}", path.join("\0"));
        let elements: Vec<Value> = (0..MAX_METADATA_LIST)
            .map_while(|index| text(&format!("{full}\0{index}")))
            .collect();
        if elements.is_empty() {
            text(&full)
        } else {
            Some(Value::List(elements))
        }
    }

    fn now(&self) -> i64 {
        *self.now.get_or_init(now)
    }
}

impl Drop for HostAttributes {
    fn drop(&mut self) {
        if let Some(headers) = self.headers.take() {
            abi::give_back(headers);
        }
    }
}

/// Seconds since the Unix epoch by the host's clock.
pub(super) fn now() -> i64 {
    // Without a clock every token is expired.
    abi::now().unwrap_or(i64::MAX)
}
