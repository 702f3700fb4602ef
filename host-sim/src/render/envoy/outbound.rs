//! What the workload calls: one listener for HTTP, where the host name says which service is meant,
//! and one for each TCP service, at the service's own address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::{Place, address, cluster, tls};
use crate::envoy::bootstrap::{extension, socket_address};
use crate::render::destination_rule::{TlsMode, TrafficPolicy};
use crate::render::inventory::Sourced;
use crate::render::yaml::COMMENT;
use crate::render::{Location, Mode, Protocol, RenderError, Resolution, ServiceEntry, ServicePort};

/// What the workload calls.
pub struct Outbound {
    /// Where its application's requests come in.
    pub listeners: Vec<Value>,
    /// Where they go.
    pub clusters: Vec<Value>,
}

/// An endpoint of a port of a service.
struct Target {
    host: String,
    port: u16,
    weight: Option<u32>,
    /// Whether its proxy takes mutual TLS.
    secure: bool,
}

/// Whether an endpoint is to be called over mutual TLS: Envoy picks the transport by this.
const MATCH: &str = "envoy.transport_socket_match";

// === impl Outbound ===

impl Outbound {
    /// Everything that the workload may call.
    pub fn new(place: &Place<'_>) -> Result<Self, RenderError> {
        let mut outbound = Self {
            listeners: Vec::new(),
            clusters: Vec::new(),
        };
        let mut hosts = BTreeMap::new();
        let mut domains: BTreeMap<String, String> = BTreeMap::new();
        let namespace = place.workload.object.workload.namespace.as_str();
        for service in place.inventory.services_for(namespace) {
            for host in &service.object.hosts {
                for port in &service.object.ports {
                    let name = format!("outbound|{}|{host}", port.number);
                    outbound
                        .clusters
                        .push(one_cluster(place, service, host, port, &name)?);
                    if port.protocol == Protocol::Tcp {
                        outbound
                            .listeners
                            .extend(tcp_listeners(service, host, port, &name));
                        continue;
                    }
                    let mut own = vec![format!("{host}:{}", port.number)];
                    // Without a port in its name a host is meant with port 80, or its only one.
                    if port.number == 80 || service.object.ports.len() == 1 {
                        own.push(host.clone());
                    }
                    for domain in &own {
                        if let Some(other) = domains.insert(domain.clone(), service.origin.clone())
                        {
                            let message = format!("`{domain}` is also a host of {other}");
                            return Err(RenderError::of(&service.source, "spec.hosts", message));
                        }
                    }
                    let route = json!({
                        "match": {"prefix": "/"}, "route": {"cluster": name, "timeout": "0s"},
                    });
                    hosts.insert(
                        name.clone(),
                        json!({
                            COMMENT: service.origin,
                            "name": name, "domains": own, "routes": [route],
                        }),
                    );
                }
            }
        }
        let hosts: Vec<Value> = hosts.into_values().collect();
        if !hosts.is_empty() {
            outbound.listeners.push(http_listener(place, &hosts));
        }
        Ok(outbound)
    }
}

fn http_listener(place: &Place<'_>, hosts: &[Value]) -> Value {
    let router = extension(
        "envoy.filters.http.router",
        "envoy.extensions.filters.http.router.v3.Router",
        json!({}),
    );
    let manager = extension(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        json!({
            "stat_prefix": "outbound",
            "use_remote_address": false,
            "http_filters": [router],
            "upgrade_configs": [{"upgrade_type": "websocket"}],
            // A host that no ServiceEntry knows gets 404.
            "route_config": {"virtual_hosts": hosts},
        }),
    );
    json!({
        COMMENT: "The application's requests to other services; the host says to which.",
        "name": "outbound",
        "address": socket_address(place.workload.object.outbound),
        "traffic_direction": "OUTBOUND",
        "stat_prefix": "outbound",
        "filter_chains": [{"filters": [manager]}],
    })
}

/// A TCP service is known by its address alone.
fn tcp_listeners(
    service: &Sourced<ServiceEntry>,
    host: &str,
    port: &ServicePort,
    cluster: &str,
) -> Vec<Value> {
    let proxy = extension(
        "envoy.filters.network.tcp_proxy",
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        json!({"stat_prefix": cluster, "cluster": cluster}),
    );
    let addresses = service.object.addresses.iter();
    let ips = addresses.filter(|address| address.parse::<IpAddr>().is_ok());
    ips.map(|ip| {
        json!({
            COMMENT: service.origin,
            "name": format!("outbound|{}|{host}|{ip}", port.number),
            "address": address(ip, port.number),
            "traffic_direction": "OUTBOUND",
            "filter_chains": [{"filters": [proxy]}],
        })
    })
    .collect()
}

fn one_cluster(
    place: &Place<'_>,
    service: &Sourced<ServiceEntry>,
    host: &str,
    port: &ServicePort,
    name: &str,
) -> Result<Value, RenderError> {
    let namespace = &place.workload.object.workload.namespace;
    let rule = place
        .inventory
        .destination_rule(namespace, &service.object, host);
    let default = TrafficPolicy::default();
    let policy = rule.map_or(&default, |rule| rule.object.policy(port.number));
    let targets = targets(place, service, host, port)?;
    let endpoints: Vec<Value> = targets.iter().map(Target::to_json).collect();
    let by_name = service.object.resolution == Resolution::Dns;
    let mut origins = vec![service.origin.as_str()];
    origins.extend(rule.map(|rule| rule.origin.as_str()));
    let mut value = json!({
        COMMENT: origins.join("\n"),
        "name": name,
        "type": if by_name { "STRICT_DNS" } else { "STATIC" },
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    });
    cluster::apply(policy, port.protocol, &mut value);
    let alpn: &[&str] = match port.protocol {
        Protocol::Http => &["istio-http/1.1", "http/1.1"],
        Protocol::Http2 => &["istio-h2", "h2"],
        Protocol::Tcp => tls::MESH_ALPN,
    };
    // As istiod names a service in the handshake.
    let sni = format!("outbound_.{}_._.{host}", port.number);
    let of_mesh = |sni: &str, names: &[String]| -> Result<Value, RenderError> {
        let known = identities(place, service);
        let names = if names.is_empty() { &known } else { names };
        if names.is_empty() {
            let message = "nobody knows which identities may run this service; set \
                           `subjectAltNames`, or `serviceAccount` of its endpoints";
            return Err(RenderError::of(&service.source, "spec", message));
        }
        Ok(tls::mesh_client(place, names, sni, alpn))
    };
    match policy.tls.as_ref().map(|tls| (tls.mode, tls)) {
        Some((TlsMode::Disable, _)) => {}
        Some((TlsMode::IstioMutual, tls)) => {
            let sni = tls.sni.as_deref().unwrap_or(&sni);
            value["transport_socket"] = of_mesh(sni, &tls.names)?;
        }
        Some((TlsMode::Simple | TlsMode::Mutual, tls)) => {
            value["transport_socket"] = tls::client(place, tls, host);
        }
        // As in Istio, where nothing is said: mutual TLS to everybody who takes it.
        None if targets.iter().any(|target| target.secure) => {
            let plain = extension(
                "envoy.transport_sockets.raw_buffer",
                "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
                json!({}),
            );
            value["transport_socket_matches"] = json!([
                {"name": "mtls", "match": {"mtls": true}, "transport_socket": of_mesh(&sni, &[])?},
                {"name": "plaintext", "match": {}, "transport_socket": plain},
            ]);
        }
        None => {}
    }
    Ok(value)
}

/// The endpoints of a port.
fn targets(
    place: &Place<'_>,
    service: &Sourced<ServiceEntry>,
    host: &str,
    port: &ServicePort,
) -> Result<Vec<Target>, RenderError> {
    let entry = &service.object;
    let number = port.target.unwrap_or(port.number);
    let written = entry.endpoints.iter().map(|endpoint| Target {
        host: endpoint.address.clone(),
        port: endpoint.ports.get(&port.name).copied().unwrap_or(number),
        weight: endpoint.weight,
        secure: entry.location == Location::Internal,
    });
    let selected = place.inventory.endpoints(entry).map(|workload| {
        let own = &workload.object;
        let port = own.ports.get(&port.name).copied().unwrap_or(number);
        let modes = place.inventory.modes(&own.workload);
        Target {
            host: own.address.clone().unwrap_or_default(),
            port,
            weight: own.weight,
            secure: modes.of(port).0 != Mode::Disable,
        }
    });
    let mut all: Vec<Target> = written.chain(selected).collect();
    if all.is_empty() && entry.resolution == Resolution::Dns && entry.selector.is_none() {
        if host.starts_with('*') {
            let message = format!("`{host}` cannot be looked up; name `endpoints`");
            return Err(RenderError::of(&service.source, "spec.hosts", message));
        }
        all.push(Target {
            host: host.to_owned(),
            port: number,
            weight: None,
            secure: entry.location == Location::Internal,
        });
    }
    let named = all
        .iter()
        .find(|target| target.host.parse::<IpAddr>().is_err());
    match (entry.resolution, named) {
        (Resolution::Static, Some(target)) => Err(RenderError::of(
            &service.source,
            "spec.resolution",
            format!(
                "endpoint `{}` is no IP address; set `resolution: DNS`",
                target.host
            ),
        )),
        _ => Ok(all),
    }
}

/// Who may run a service: secure naming.
fn identities(place: &Place<'_>, service: &Sourced<ServiceEntry>) -> Vec<String> {
    let entry = &service.object;
    if !entry.identities.is_empty() {
        return entry.identities.clone();
    }
    let written = entry.endpoints.iter().filter_map(|endpoint| {
        Some((
            entry.name.namespace.clone(),
            endpoint.service_account.clone()?,
        ))
    });
    let selected = place.inventory.endpoints(entry).map(|workload| {
        let own = &workload.object.workload;
        (own.namespace.clone(), own.service_account.clone())
    });
    let mut identities: Vec<String> = written
        .chain(selected)
        .flat_map(|(namespace, account)| {
            let domains = place.inventory.mesh.trust_domains();
            domains.map(move |domain| format!("spiffe://{domain}/ns/{namespace}/sa/{account}"))
        })
        .collect();
    identities.sort();
    identities.dedup();
    identities
}

// === impl Target ===

impl Target {
    fn to_json(&self) -> Value {
        let mut value = json!({"endpoint": {"address": address(&self.host, self.port)}});
        if self.secure {
            value["metadata"] = json!({"filter_metadata": {MATCH: {"mtls": true}}});
        }
        if let Some(weight) = self.weight.filter(|weight| *weight != 0) {
            value["load_balancing_weight"] = weight.into();
        }
        value
    }
}
