//! The configuration of one Envoy for many set-ups.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::engine::{Proxy, Setup};
use crate::envoy::bootstrap::{
    HttpManager, Listener, PeerTls, RemoteAddress, ServerTls, WasmFilter,
};

/// The cluster of the application.
pub const APPLICATION: &str = "application";

/// Whether two set-ups can live in one process: what belongs to the process is the same.
pub fn share(a: &Setup, b: &Setup) -> bool {
    a.now == b.now && a.mesh.reject_path_with_fragment == b.mesh.reject_path_with_fragment
}

/// The name of the listener for the set-up `index`.
pub fn listener_name(index: usize) -> String {
    format!("setup-{index}")
}

/// The cluster through which the set-up `index` reaches `origin`.
pub fn cluster_name(index: usize, origin: &str) -> String {
    format!("setup-{index} {origin}")
}

/// The listener for the set-up `index`.
pub fn listener(index: usize, setup: &Setup, module: &Path, tls: &ServerTls) -> Value {
    let configuration = setup.plugin_configuration(|origin| cluster_name(index, origin));
    let filter = WasmFilter::new(module, configuration).to_json();
    let mut manager = HttpManager::new(APPLICATION);
    manager.path_normalization = setup.mesh.path_normalization;
    manager.remote_address = match setup.mesh.proxy {
        Proxy::Sidecar => RemoteAddress::Sidecar,
        Proxy::Gateway => RemoteAddress::Gateway {
            trusted_hops: setup.mesh.xff_num_trusted_hops,
        },
    };
    if !setup.tcp {
        manager.filters.push(filter.clone());
    }
    let mut listener = Listener::new(listener_name(index), APPLICATION)
        .tls(PeerTls::Permissive(tls.clone()))
        .proxy_protocol();
    listener.http = manager;
    let mut listener = listener.to_json();
    if setup.tcp {
        carry_tcp(&mut listener, &filter);
    }
    listener
}

/// Puts the network filters in place of the HTTP connection manager.
fn carry_tcp(listener: &mut Value, http_filter: &Value) {
    const WASM: &str = "type.googleapis.com/envoy.extensions.filters.network.wasm.v3.Wasm";
    const PROXY: &str =
        "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy";
    let mut wasm = http_filter.clone();
    wasm["typed_config"]["@type"] = WASM.into();
    let proxy = json!({
        "name": "envoy.filters.network.tcp_proxy",
        "typed_config": {"@type": PROXY, "stat_prefix": "tcp", "cluster": APPLICATION},
    });
    for chain in listener["filter_chains"]
        .as_array_mut()
        .into_iter()
        .flatten()
    {
        if let Some(filters) = chain["filters"].as_array_mut() {
            filters.pop();
            filters.extend([wasm.clone(), proxy.clone()]);
        }
    }
}

/// A port on which nobody listens.
pub fn nobody() -> SocketAddr {
    // Port 1 (tcpmux) is never served; loopback refuses at once.
    ([127, 0, 0, 1], 1).into()
}
