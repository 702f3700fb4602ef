//! Where requests go to.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::socket_address;

/// A cluster with one fixed endpoint, spoken to without TLS.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The name that routes and `jwksClusters` use.
    pub name: String,
    /// The endpoint.
    pub address: SocketAddr,
    /// Whether it is spoken to in HTTP/2, as gRPC wants it.
    pub http2: bool,
}

impl Cluster {
    /// A cluster with this endpoint.
    pub fn new(name: impl Into<String>, address: SocketAddr) -> Self {
        Self {
            name: name.into(),
            address,
            http2: false,
        }
    }

    /// Speaks HTTP/2 to it.
    pub fn http2(mut self) -> Self {
        self.http2 = true;
        self
    }

    /// Its `envoy.config.cluster.v3.Cluster`.
    pub fn to_json(&self) -> Value {
        let endpoint = json!({"endpoint": {"address": socket_address(self.address)}});
        let mut cluster = json!({
            "name": self.name,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": self.name,
                "endpoints": [{"lb_endpoints": [endpoint]}],
            },
        });
        if self.http2 {
            let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
            cluster["typed_extension_protocol_options"] = json!({options: {
                "@type": format!("type.googleapis.com/{options}"),
                "explicit_http_config": {"http2_protocol_options": {}},
            }});
        }
        cluster
    }
}
