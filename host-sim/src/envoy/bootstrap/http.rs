//! What is done with requests before and around the filter.
//! Source: Envoy 1.40 API, `HttpConnectionManager`; Istio, `MeshConfig.pathNormalization`.

use serde_json::{Value, json};

use super::extension;
use crate::connection_manager::PathNormalization;

/// An HTTP connection manager that forwards everything to one cluster.
#[derive(Clone, Debug)]
pub struct HttpManager {
    /// The cluster.
    pub cluster: String,
    /// What happens to paths before any policy sees them.
    pub path_normalization: PathNormalization,
    /// Whom Envoy takes for the client.
    pub remote_address: RemoteAddress,
    /// The largest request head in KiB, 60 where not set: beyond it Envoy answers 431 itself.
    pub max_request_headers_kb: Option<u32>,
    /// The HTTP filters before the router.
    pub filters: Vec<Value>,
}

/// Whom Envoy takes for the client of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RemoteAddress {
    /// A sidecar: the last entry of X-Forwarded-For where there is one, else the peer.
    #[default]
    Sidecar,
    /// An edge: the peer, or the entry of X-Forwarded-For that so many trusted hops have added.
    Gateway {
        /// Istio's `numTrustedProxies`.
        trusted_hops: u32,
    },
}

// === impl HttpManager ===

impl HttpManager {
    /// Forwards to this cluster, as an Istio sidecar with its defaults would.
    pub fn new(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            path_normalization: PathNormalization::default(),
            remote_address: RemoteAddress::default(),
            max_request_headers_kb: None,
            filters: Vec::new(),
        }
    }

    /// Its network filter.
    pub fn to_json(&self) -> Value {
        let router = extension(
            "envoy.filters.http.router",
            "envoy.extensions.filters.http.router.v3.Router",
            json!({}),
        );
        let filters: Vec<&Value> = self.filters.iter().chain([&router]).collect();
        let route = json!({"match": {"prefix": "/"}, "route": {"cluster": self.cluster}});
        let mut manager = json!({
            "stat_prefix": "inbound",
            // A request keeps the id that it came with, so that its log line can be found.
            "preserve_external_request_id": true,
            "access_log": [access_log()],
            "http_filters": filters,
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        });
        write_normalization(self.path_normalization, &mut manager);
        self.remote_address.write_to(&mut manager);
        if let Some(limit) = self.max_request_headers_kb {
            manager["max_request_headers_kb"] = limit.into();
        }
        extension(
            "envoy.filters.network.http_connection_manager",
            "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            manager,
        )
    }
}

/// Writes the settings that Istio's option stands for.
pub(crate) fn write_normalization(option: PathNormalization, manager: &mut Value) {
    use PathNormalization::{DecodeAndMergeSlashes, MergeSlashes, None};
    manager["normalize_path"] = (option != None).into();
    if matches!(option, MergeSlashes | DecodeAndMergeSlashes) {
        manager["merge_slashes"] = true.into();
    }
    if option == DecodeAndMergeSlashes {
        manager["path_with_escaped_slashes_action"] = "UNESCAPE_AND_FORWARD".into();
    }
}

impl RemoteAddress {
    fn write_to(self, manager: &mut Value) {
        manager["use_remote_address"] = matches!(self, Self::Gateway { .. }).into();
        if let Self::Gateway { trusted_hops } = self {
            manager["xff_num_trusted_hops"] = trusted_hops.into();
        }
    }
}

/// The access log on Envoy's standard output, a JSON object a line.
fn access_log() -> Value {
    extension(
        "envoy.access_loggers.stdout",
        "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
        json!({"log_format": {"json_format": access_log_format()}}),
    )
}

/// The keys of an access log line. `palisade` holds the filter's evidence as JSON text.
pub fn access_log_format() -> Value {
    json!({
        "requestId": "%REQ(X-REQUEST-ID)%",
        "method": "%REQ(:METHOD)%",
        "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
        "status": "%RESPONSE_CODE%",
        "details": "%RESPONSE_CODE_DETAILS%",
        "flags": "%RESPONSE_FLAGS%",
        "peer": "%DOWNSTREAM_PEER_URI_SAN%",
        "palisade": "%FILTER_STATE(wasm.palisade:PLAIN)%",
    })
}
