//! The attributes of the stream in hand, each read from the host at most once.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use proxy_wasm::hostcalls;

use super::{abi, properties};
use crate::attributes::{Attributes, Protocol};
use crate::headers::Headers;
use crate::json::Value;

/// The filter state object in which `set_filter_state` leaves the direct peer's address. The
/// attribute `source.address` is the client after X-Forwarded-For, which the client can forge.
const DIRECT_REMOTE: &str = "palisade.direct_remote";

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
        let read = || {
            [
                "uri_san_peer_certificate",
                "dns_san_peer_certificate",
                "subject_peer_certificate",
            ]
            .iter()
            .find_map(|name| properties::text(&["connection", name]))
            .map(Arc::from)
        };
        self.peer.get_or_init(read).as_ref()
    }

    fn source_ip(&self) -> Option<IpAddr> {
        *self
            .source_ip
            .get_or_init(|| properties::ip(&["filter_state", DIRECT_REMOTE]))
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        *self
            .remote_ip
            .get_or_init(|| properties::socket_ip(&["source", "address"]))
    }

    fn destination_ip(&self) -> Option<IpAddr> {
        *self
            .destination_ip
            .get_or_init(|| properties::socket_ip(&["destination", "address"]))
    }

    fn destination_port(&self) -> Option<u16> {
        *self
            .destination_port
            .get_or_init(|| properties::port(&["destination", "port"]))
    }

    fn sni(&self) -> Option<&str> {
        let read = || properties::text(&["connection", "requested_server_name"]);
        self.sni.get_or_init(read).as_deref()
    }

    fn metadata(&self, filter: &str, path: &[String]) -> Option<Value> {
        let mut full = vec!["metadata", "filter_metadata", filter];
        full.extend(path.iter().map(String::as_str));
        let elements: Vec<Value> = (0..MAX_METADATA_LIST)
            .map_while(|index| {
                let index = index.to_string();
                let mut element = full.clone();
                element.push(&index);
                properties::text(&element).map(Value::String)
            })
            .collect();
        if elements.is_empty() {
            properties::text(&full).map(Value::String)
        } else {
            Some(Value::List(elements))
        }
    }

    fn now(&self) -> i64 {
        *self.now.get_or_init(now)
    }
}

/// Seconds since the Unix epoch by the host's clock.
pub(super) fn now() -> i64 {
    hostcalls::get_current_time()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .and_then(|elapsed| i64::try_from(elapsed.as_secs()).ok())
        // Without a clock every token is expired.
        .unwrap_or(i64::MAX)
}
