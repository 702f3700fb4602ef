//! What the engine can ask about a request.

use std::net::IpAddr;
use std::sync::Arc;

use crate::headers::Headers;
use crate::json::Value;

/// Which kind of stream is judged: HTTP-only fields behave differently on TCP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// A request of an HTTP connection manager.
    #[default]
    Http,
    /// A connection of a TCP listener.
    Tcp,
}

/// The attributes of one request or connection, each read at most once and only when needed.
///
/// `None` means that the attribute is not there. What depends on mutual TLS is not there without
/// it.
pub trait Attributes {
    /// The request headers; empty on TCP.
    fn headers(&self) -> &Headers;

    /// The name in the client certificate that the mesh CA vouches for: the first URI SAN, else
    /// the first DNS SAN, else the subject. `None` without mutual TLS.
    fn peer(&self) -> Option<&Arc<str>>;

    /// The direct peer's address (`ipBlocks`, `source.ip`).
    fn source_ip(&self) -> Option<IpAddr>;

    /// The original client's address after X-Forwarded-For or PROXY protocol (`remoteIpBlocks`,
    /// `remote.ip`).
    fn remote_ip(&self) -> Option<IpAddr>;

    /// The address that the connection was made to.
    fn destination_ip(&self) -> Option<IpAddr>;

    /// The workload's port that the connection arrived on.
    fn destination_port(&self) -> Option<u16>;

    /// The server name that the client asked for in the TLS handshake.
    fn sni(&self) -> Option<&str>;

    /// Dynamic metadata that another filter left: `path` below the filter's namespace.
    fn metadata(&self, filter: &str, path: &[String]) -> Option<Value>;

    /// Seconds since the Unix epoch.
    fn now(&self) -> i64;
}

/// A request whose attributes are all known beforehand: for tests and fuzzing without a host.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Headers and pseudo headers.
    pub headers: Headers,
    /// See [`Attributes::peer`].
    pub peer: Option<Arc<str>>,
    /// See [`Attributes::source_ip`].
    pub source_ip: Option<IpAddr>,
    /// See [`Attributes::remote_ip`].
    pub remote_ip: Option<IpAddr>,
    /// See [`Attributes::destination_ip`].
    pub destination_ip: Option<IpAddr>,
    /// See [`Attributes::destination_port`].
    pub destination_port: Option<u16>,
    /// See [`Attributes::sni`].
    pub sni: Option<String>,
    /// Dynamic metadata by filter.
    pub metadata: std::collections::BTreeMap<String, Value>,
    /// See [`Attributes::now`].
    pub now: i64,
}

impl Attributes for Snapshot {
    fn headers(&self) -> &Headers {
        &self.headers
    }

    fn peer(&self) -> Option<&Arc<str>> {
        self.peer.as_ref()
    }

    fn source_ip(&self) -> Option<IpAddr> {
        self.source_ip
    }

    fn remote_ip(&self) -> Option<IpAddr> {
        self.remote_ip
    }

    fn destination_ip(&self) -> Option<IpAddr> {
        self.destination_ip
    }

    fn destination_port(&self) -> Option<u16> {
        self.destination_port
    }

    fn sni(&self) -> Option<&str> {
        self.sni.as_deref()
    }

    fn metadata(&self, filter: &str, path: &[String]) -> Option<Value> {
        let root = self.metadata.get(filter)?;
        path.iter()
            .try_fold(root, |value, key| value.as_object()?.get(key))
            .cloned()
    }

    fn now(&self) -> i64 {
        self.now
    }
}
