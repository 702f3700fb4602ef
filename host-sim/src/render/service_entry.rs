//! The services that workloads call: `ServiceEntry`.
//! Source: istio.io, ServiceEntry.

use std::collections::BTreeMap;

use palisade_filter::config::{ConfigError, Fields, Node};
use palisade_filter::resource::{Metadata, ResourceName};

use super::read;

/// A service.
#[derive(Clone, Debug)]
pub struct ServiceEntry {
    /// Namespace and name.
    pub name: ResourceName,
    /// Its host names.
    pub hosts: Vec<String>,
    /// Its virtual addresses; a TCP service listens there.
    pub addresses: Vec<String>,
    /// Its ports.
    pub ports: Vec<ServicePort>,
    /// Whether it is part of the mesh.
    pub location: Location,
    /// How its endpoints are found.
    pub resolution: Resolution,
    /// Endpoints that are written down with it.
    pub endpoints: Vec<Endpoint>,
    /// The labels of the workloads that are its endpoints.
    pub selector: Option<BTreeMap<String, String>>,
    /// Whether only its own namespace may call it.
    pub private: bool,
    /// The identities that may run it, where it says so.
    pub identities: Vec<String>,
}

/// A port of a service.
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// The number that clients use.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The port of the endpoints, where it is another.
    pub target: Option<u16>,
}

/// What is spoken on a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1
    Http,
    /// HTTP/2, gRPC among it
    Http2,
    /// Anything else
    Tcp,
}

/// Whether a service is part of the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// Its endpoints have proxies and identities.
    Internal,
    /// It knows nothing of the mesh.
    External,
}

/// How endpoints are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// They are written down.
    Static,
    /// By their names.
    Dns,
}

/// An endpoint that is written down with its service.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// IP address or host name.
    pub address: String,
    /// Its ports by the names of the service's.
    pub ports: BTreeMap<String, u16>,
    /// The service account that it runs under.
    pub service_account: Option<String>,
    /// Load balancing weight.
    pub weight: Option<u32>,
}

const FIELDS: [&str; 9] = [
    "hosts",
    "addresses",
    "ports",
    "location",
    "resolution",
    "endpoints",
    "workloadSelector",
    "exportTo",
    "subjectAltNames",
];

// === impl ServiceEntry ===

impl ServiceEntry {
    /// Reads the object.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let top = node.open_object()?;
        let name = Metadata::read(&top.require("metadata")?)?.name;
        read::spec(node, &FIELDS, |spec| Self::read_spec(spec, name.clone()))
    }

    fn read_spec(spec: &Fields<'_>, name: ResourceName) -> Result<Self, ConfigError> {
        let strings = |key| read::list(spec, key, |node| node.string().map(str::to_owned));
        let hosts = strings("hosts")?;
        if hosts.is_empty() {
            return Err(spec
                .node()
                .error("`hosts` is missing")
                .help("name at least one host"));
        }
        let ports = read::list(spec, "ports", ServicePort::read)?;
        let mut names: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(spec
                .node()
                .error("two ports have one name")
                .help("name each differently"));
        }
        let selector = read::optional(spec, "workloadSelector", |node| {
            let fields = node.object(&["labels"])?;
            read::optional(&fields, "labels", |node| node.string_map())
        })?;
        let endpoints = read::list(spec, "endpoints", Endpoint::read)?;
        if selector.is_some() && !endpoints.is_empty() {
            return Err(spec
                .node()
                .error("only one of `workloadSelector` and `endpoints` can be set")
                .help("remove the other"));
        }
        let entry = Self {
            name,
            hosts,
            addresses: strings("addresses")?,
            ports,
            location: read::optional(spec, "location", location)?.unwrap_or(Location::External),
            resolution: read::optional(spec, "resolution", resolution)?.ok_or_else(|| {
                spec.node()
                    .error("resolution NONE is not supported")
                    .help("set `resolution` to STATIC or DNS")
            })?,
            endpoints,
            selector: selector.map(Option::unwrap_or_default),
            private: read::list(spec, "exportTo", export)?
                .iter()
                .any(|private| *private),
            identities: strings("subjectAltNames")?,
        };
        let is_ip = |address: &str| address.parse::<std::net::IpAddr>().is_ok();
        let named = entry
            .endpoints
            .iter()
            .find(|endpoint| !is_ip(&endpoint.address));
        match (entry.resolution, named) {
            (Resolution::Static, Some(endpoint)) => Err(spec
                .node()
                .error(format!("endpoint `{}` is no IP address", endpoint.address))
                .help("set `resolution: DNS`")),
            _ => Ok(entry),
        }
    }
}

// === impl ServicePort ===

impl ServicePort {
    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&["number", "protocol", "name", "targetPort"])?;
        let name = fields.require("name")?.string()?.to_owned();
        Ok(Self {
            number: read::port(&fields.require("number")?)?,
            protocol: read::optional(&fields, "protocol", |node| {
                let name = node.string()?;
                Protocol::from_name(name).ok_or_else(|| {
                    node.error(format!("unknown protocol `{name}`"))
                        .help("use HTTP, HTTP2, GRPC, HTTPS, TLS or TCP")
                })
            })?
            .or_else(|| Protocol::of_port_name(&name))
            .unwrap_or(Protocol::Tcp),
            name,
            target: read::optional(&fields, "targetPort", read::port)?,
        })
    }
}

// === impl Protocol ===

impl Protocol {
    /// The protocol of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "http" => Self::Http,
            "http2" | "grpc" => Self::Http2,
            "https" | "tls" | "tcp" | "mongo" | "redis" | "mysql" => Self::Tcp,
            _ => return None,
        })
    }

    /// The protocol that a port's name begins with, such as `http-metrics`.
    /// Source: istio.io, Protocol Selection.
    pub fn of_port_name(name: &str) -> Option<Self> {
        Self::from_name(name.split('-').next().unwrap_or_default())
    }
}

// === impl Endpoint ===

impl Endpoint {
    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let known = [
            "address",
            "ports",
            "labels",
            "network",
            "locality",
            "weight",
            "serviceAccount",
        ];
        let fields = node.object(&known)?;
        Ok(Self {
            address: fields.require("address")?.string()?.to_owned(),
            ports: read::optional(&fields, "ports", read::ports)?.unwrap_or_default(),
            service_account: read::text(&fields, "serviceAccount")?,
            weight: read::optional(&fields, "weight", read::count)?,
        })
    }
}

fn location(node: &Node<'_>) -> Result<Location, ConfigError> {
    match node.string()? {
        "MESH_EXTERNAL" => Ok(Location::External),
        "MESH_INTERNAL" => Ok(Location::Internal),
        other => Err(node
            .error(format!("unknown location `{other}`"))
            .help("use MESH_INTERNAL or MESH_EXTERNAL")),
    }
}

fn resolution(node: &Node<'_>) -> Result<Resolution, ConfigError> {
    match node.string()? {
        "STATIC" => Ok(Resolution::Static),
        "DNS" => Ok(Resolution::Dns),
        other => Err(node
            .error(format!("resolution `{other}` is not supported"))
            .help("use STATIC or DNS")),
    }
}

/// Whether an entry of `exportTo` keeps the service in its namespace.
fn export(node: &Node<'_>) -> Result<bool, ConfigError> {
    match node.string()? {
        "*" => Ok(false),
        "." => Ok(true),
        other => Err(node
            .error(format!("`{other}` is not supported"))
            .help("use `.` for the own namespace, or `*`")),
    }
}
