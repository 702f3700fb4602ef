//! Where requests come from.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{DIRECT_REMOTE, HttpManager, ServerTls, extension, socket_address};

/// A listener of one workload.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name.
    pub name: String,
    /// Where it listens; port 0 takes a free one.
    pub address: SocketAddr,
    /// Whether every connection begins with a PROXY protocol header, which then says both addresses.
    pub proxy_protocol: bool,
    /// What connections it takes.
    pub tls: PeerTls,
    /// What is done with their requests.
    pub http: HttpManager,
}

/// The connections that a listener takes, named as Istio's PeerAuthentication modes.
#[derive(Clone, Debug, Default)]
pub enum PeerTls {
    /// Plaintext only.
    #[default]
    Disable,
    /// TLS and plaintext, told apart by the first bytes.
    Permissive(ServerTls),
    /// TLS only.
    Strict(ServerTls),
}

impl Listener {
    /// A plaintext listener on a free loopback port that forwards to a cluster.
    pub fn new(name: impl Into<String>, cluster: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            address: ([127, 0, 0, 1], 0).into(),
            proxy_protocol: false,
            tls: PeerTls::Disable,
            http: HttpManager::new(cluster),
        }
    }

    /// Takes these connections.
    pub fn tls(mut self, tls: PeerTls) -> Self {
        self.tls = tls;
        self
    }

    /// Expects a PROXY protocol header.
    pub fn proxy_protocol(mut self) -> Self {
        self.proxy_protocol = true;
        self
    }

    /// Its `envoy.config.listener.v3.Listener`.
    pub fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "address": socket_address(self.address),
            "listener_filters": self.listener_filters(),
            "filter_chains": self.filter_chains(),
        })
    }

    fn listener_filters(&self) -> Vec<Value> {
        let mut filters = Vec::new();
        // First, because the header stands before the TLS handshake.
        if self.proxy_protocol {
            filters.push(extension(
                "envoy.filters.listener.proxy_protocol",
                "envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
                json!({}),
            ));
        }
        // It also finds the server name (SNI).
        if !matches!(self.tls, PeerTls::Disable) {
            filters.push(extension(
                "envoy.filters.listener.tls_inspector",
                "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector",
                json!({}),
            ));
        }
        filters
    }

    fn filter_chains(&self) -> Vec<Value> {
        let filters = json!([self.set_direct_remote(), self.http.to_json()]);
        let secure = |tls: &ServerTls| {
            json!({
                "name": "tls",
                "filter_chain_match": {"transport_protocol": "tls"},
                "filters": filters,
                "transport_socket": tls.to_json(),
            })
        };
        let plain = json!({
            "name": "plaintext",
            "filter_chain_match": {"transport_protocol": "raw_buffer"},
            "filters": filters,
        });
        match &self.tls {
            PeerTls::Disable => vec![json!({"filters": filters})],
            PeerTls::Permissive(tls) => vec![secure(tls), plain],
            PeerTls::Strict(tls) => vec![secure(tls)],
        }
    }

    /// The network filter that keeps the direct peer's address for the filter: what Envoy itself shows
    /// as the source address is the client that X-Forwarded-For claims.
    fn set_direct_remote(&self) -> Value {
        // The direct address is the physical one always; here the PROXY header stands for the peer.
        let address = match self.proxy_protocol {
            true => "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
            false => "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
        };
        extension(
            "envoy.filters.network.set_filter_state",
            "envoy.extensions.filters.network.set_filter_state.v3.Config",
            json!({"on_new_connection": [{
                "object_key": DIRECT_REMOTE,
                "factory_key": "envoy.string",
                "format_string": {"text_format_source": {"inline_string": address}},
            }]}),
        )
    }
}
