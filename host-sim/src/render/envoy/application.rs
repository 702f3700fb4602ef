//! The clusters of the workload's own application.

use serde_json::{Value, json};

use super::{Place, cluster};
use crate::envoy::bootstrap::socket_address;
use crate::render::Protocol;

/// The name of the cluster of a port.
pub fn name(port: u16) -> String {
    format!("application_{port}")
}

/// What is spoken on a port of the workload: as a service says that leads there, else as the port is
/// called, else HTTP.
pub fn protocol(place: &Place<'_>, port_name: &str, port: u16) -> Protocol {
    let own = &place.workload.object;
    let services = place
        .inventory
        .services
        .iter()
        .map(|service| &service.object);
    let leading = services
        .filter(|service| {
            let mut endpoints = place.inventory.endpoints(service);
            endpoints.any(|endpoint| endpoint.object.name() == own.name())
        })
        .flat_map(|service| &service.ports)
        .find(|service_port| {
            let by_name = own.ports.get(&service_port.name).copied();
            by_name
                .or(service_port.target)
                .unwrap_or(service_port.number)
                == port
        });
    leading
        .map(|service_port| service_port.protocol)
        .or_else(|| Protocol::of_port_name(port_name))
        .unwrap_or(Protocol::Http)
}

/// A cluster for each port.
pub fn clusters(place: &Place<'_>) -> Vec<Value> {
    let own = &place.workload.object;
    let one = |(port_name, port): (&String, &u16)| {
        let mut value = json!({
            "name": name(*port),
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {
                "cluster_name": name(*port),
                "endpoints": [{"lb_endpoints": [
                    {"endpoint": {"address": socket_address(own.application(*port))}},
                ]}],
            },
        });
        if protocol(place, port_name, *port) == Protocol::Http2 {
            value["typed_extension_protocol_options"] = cluster::http2();
        }
        value
    };
    own.ports.iter().map(one).collect()
}
