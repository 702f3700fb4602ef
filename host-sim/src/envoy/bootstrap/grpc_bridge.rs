//! gRPC in front of a server that speaks HTTP/1.1.
//! Source: Envoy 1.40 API, `grpc_http1_reverse_bridge.v3.FilterConfig`.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::{Cluster, HttpManager, Listener, extension};

/// Makes the server at `server`, which takes and gives bare messages, one that speaks gRPC: a
/// listener at the Unix domain socket `socket`, and the clusters in front of it (called `name`) and
/// behind it. Envoy's own filter takes away and puts on frames and trailers.
pub fn grpc_bridge(name: &str, socket: &Path, server: SocketAddr) -> (Value, [Value; 2]) {
    let behind = format!("{name} behind");
    let mut manager = HttpManager::new(behind.as_str());
    manager.filters.push(extension(
        "envoy.filters.http.grpc_http1_reverse_bridge",
        "envoy.extensions.filters.http.grpc_http1_reverse_bridge.v3.FilterConfig",
        json!({"content_type": "application/x-protobuf", "withhold_grpc_frames": true}),
    ));
    let mut listener = Listener::new(name, behind.as_str());
    listener.http = manager;
    let mut listener = listener.to_json();
    let pipe = json!({"pipe": {"path": socket}});
    listener["address"] = pipe.clone();
    let mut cluster = Cluster::new(name, server).http2().to_json();
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = pipe;
    (listener, [cluster, Cluster::new(behind, server).to_json()])
}
