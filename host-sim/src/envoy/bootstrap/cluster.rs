//! Where requests go to.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::socket_address;

/// A cluster with one fixed endpoint, spoken to in plain HTTP/1.1.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The name that routes and `jwksClusters` use.
    pub name: String,
    /// The endpoint.
    pub address: SocketAddr,
}

impl Cluster {
    /// A cluster with this endpoint.
    pub fn new(name: impl Into<String>, address: SocketAddr) -> Self {
        Self {
            name: name.into(),
            address,
        }
    }

    /// Its `envoy.config.cluster.v3.Cluster`.
    pub fn to_json(&self) -> Value {
        let endpoint = json!({"endpoint": {"address": socket_address(self.address)}});
        json!({
            "name": self.name,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": self.name,
                "endpoints": [{"lb_endpoints": [endpoint]}],
            },
        })
    }
}
