//! Envoy's configuration, typed where Palisade has something to say about it.
//! Source: Envoy 1.40 API, `envoy.config.bootstrap.v3.Bootstrap`.

mod cluster;
mod grpc_bridge;
mod http;
mod listener;
mod tls;
mod wasm;

use std::{collections::BTreeMap, net::SocketAddr};

use serde_json::{Value, json};

pub(crate) use self::http::write_normalization;
pub use self::{
    cluster::Cluster,
    grpc_bridge::grpc_bridge,
    http::{HttpManager, RemoteAddress, access_log_format},
    listener::{Listener, PeerTls},
    tls::ServerTls,
    wasm::WasmFilter,
};

/// The filter state key in which the filter looks for the direct peer's address.
pub const DIRECT_REMOTE: &str = "palisade.direct_remote";

/// What Envoy starts with.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The admin interface; default: a free loopback port.
    pub admin: SocketAddr,
    /// The listeners; [`super::Envoy::listener`] says where each one really is.
    pub listeners: Vec<Listener>,
    /// The clusters: the application, issuers, authorizers.
    pub clusters: Vec<Cluster>,
    /// Runtime keys, such as `envoy.reloadable_features.http_reject_path_with_fragment`.
    pub runtime: BTreeMap<String, Value>,
}

impl Bootstrap {
    /// These listeners and clusters, and nothing else of note.
    pub fn new(listeners: Vec<Listener>, clusters: Vec<Cluster>) -> Self {
        let admin = ([127, 0, 0, 1], 0).into();
        Self {
            admin,
            listeners,
            clusters,
            runtime: BTreeMap::new(),
        }
    }

    /// Sets a runtime key.
    pub fn runtime(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.runtime.insert(key.to_owned(), value.into());
        self
    }

    /// The configuration as Envoy reads it.
    pub fn to_json(&self) -> Value {
        let listeners: Vec<Value> = self.listeners.iter().map(Listener::to_json).collect();
        let clusters: Vec<Value> = self.clusters.iter().map(Cluster::to_json).collect();
        let mut bootstrap = json!({
            "node": {"id": "palisade", "cluster": "palisade"},
            "admin": {"address": socket_address(self.admin)},
            "static_resources": {"listeners": listeners, "clusters": clusters},
        });
        if !self.runtime.is_empty() {
            bootstrap["layered_runtime"] =
                json!({"layers": [{"name": "static", "static_layer": self.runtime}]});
        }
        bootstrap
    }
}

/// An `envoy.config.core.v3.Address`.
pub(crate) fn socket_address(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

/// A named extension with its configuration's type and fields.
pub(crate) fn extension(name: &str, type_name: &str, mut config: Value) -> Value {
    config["@type"] = format!("type.googleapis.com/{type_name}").into();
    json!({"name": name, "typed_config": config})
}
