//! What Envoy is started with; everything else is in files that it watches.

use serde_json::{Value, json};

use super::{Place, tls, watched};
use crate::envoy::bootstrap::socket_address;

/// The bootstrap of a workload's proxy.
pub fn bootstrap(place: &Place<'_>) -> Value {
    let name = place.workload.object.name();
    let mut bootstrap = json!({
        "node": {"id": name.to_string(), "cluster": "palisade"},
        "admin": {"address": socket_address(place.workload.object.admin)},
        "dynamic_resources": {
            "lds_config": watched(&place.folder, "lds.yaml"),
            "cds_config": watched(&place.folder, "cds.yaml"),
        },
    });
    if let Some(socket) = &place.options.sds_socket {
        bootstrap["static_resources"] = json!({"clusters": [tls::sds_cluster(socket)]});
    }
    bootstrap
}
