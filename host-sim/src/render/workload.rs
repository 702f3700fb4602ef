//! The workloads that have a proxy: `WorkloadEntry` and `WorkloadGroup`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use palisade_filter::config::{ConfigError, Fields, Node, Workload};
use palisade_filter::resource::{Metadata, ResourceName};

use super::read;

/// Where the application listens behind its proxy: an address for all ports, or `PORT=ADDRESS:PORT`
/// for each. By default it is on 127.0.0.1 with the same port.
const APPLICATION: &str = "palisade.dev/application";
/// Where the proxy takes the application's requests to other services.
const OUTBOUND: &str = "palisade.dev/outbound";
/// Where Envoy's admin interface listens.
const ADMIN: &str = "palisade.dev/admin";
/// The address that the proxy listens on, where it is not the workload's own.
const BIND: &str = "palisade.dev/bind";

/// A workload with a proxy.
#[derive(Clone, Debug)]
pub struct Proxied {
    /// Which object says so.
    pub kind: WorkloadKind,
    /// Namespace, name, labels and service account.
    pub workload: Workload,
    /// Its IP address or host name; a group may have none.
    pub address: Option<String>,
    /// The address that its proxy listens on.
    pub bind: String,
    /// Its ports by name.
    pub ports: BTreeMap<String, u16>,
    /// Where the application is, by port.
    application: BTreeMap<u16, SocketAddr>,
    application_ip: std::net::IpAddr,
    /// Where the proxy takes requests to other services.
    pub outbound: SocketAddr,
    /// Where the admin interface is.
    pub admin: SocketAddr,
    /// Load balancing weight of the endpoint.
    pub weight: Option<u32>,
}

/// The kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// `WorkloadEntry`: one workload, also an endpoint of services.
    Entry,
    /// `WorkloadGroup`: what any number of workloads have in common.
    Group,
}

const ENTRY: [&str; 8] = [
    "address",
    "ports",
    "labels",
    "network",
    "locality",
    "weight",
    "serviceAccount",
    "status",
];

// === impl Proxied ===

impl Proxied {
    /// Reads a `WorkloadEntry`.
    pub fn read_entry(node: &Node<'_>) -> Result<Self, ConfigError> {
        let top = node.open_object()?;
        let metadata = top.require("metadata")?;
        let Metadata { name, annotations } = Metadata::read(&metadata)?;
        let own = read::optional(&metadata.open_object()?, "labels", |node| node.string_map())?;
        read::spec(node, &ENTRY, |spec| {
            let mut entry = Self::new(WorkloadKind::Entry, &name, spec)?;
            // Labels of the metadata win, as in istiod.
            entry
                .workload
                .labels
                .extend(own.clone().unwrap_or_default());
            entry.annotate(&annotations, &metadata)?;
            if entry.address.is_none() {
                return Err(spec
                    .node()
                    .error("`address` is missing")
                    .help("add `address`"));
            }
            Ok(entry)
        })
    }

    /// Reads a `WorkloadGroup`.
    pub fn read_group(node: &Node<'_>) -> Result<Self, ConfigError> {
        let top = node.open_object()?;
        let metadata = top.require("metadata")?;
        let Metadata { name, annotations } = Metadata::read(&metadata)?;
        read::spec(node, &["metadata", "template", "probe"], |spec| {
            let group = read::optional(spec, "template", |node| {
                Self::new(WorkloadKind::Group, &name, &node.object(&ENTRY)?)
            })?;
            let mut group = group.ok_or_else(|| {
                spec.node()
                    .error("`template` is missing")
                    .help("add `template`")
            })?;
            let mut annotations = annotations.clone();
            let more = read::optional(spec, "metadata", |node| {
                let fields = node.object(&["labels", "annotations"])?;
                let strings = |key| read::optional(&fields, key, |node| node.string_map());
                Ok((strings("labels")?, strings("annotations")?))
            })?;
            if let Some((labels, more)) = more {
                group.workload.labels.extend(labels.unwrap_or_default());
                annotations.extend(more.unwrap_or_default());
            }
            group.annotate(&annotations, &metadata)?;
            Ok(group)
        })
    }

    fn new(
        kind: WorkloadKind,
        name: &ResourceName,
        fields: &Fields<'_>,
    ) -> Result<Self, ConfigError> {
        let address = read::text(fields, "address")?.filter(|address| !address.is_empty());
        let ports = read::optional(fields, "ports", read::ports)?;
        let labels = read::optional(fields, "labels", |node| node.string_map())?;
        let weight = read::optional(fields, "weight", read::count)?;
        let ip = address
            .as_ref()
            .filter(|address| address.parse::<std::net::IpAddr>().is_ok());
        Ok(Self {
            kind,
            workload: Workload {
                namespace: name.namespace.clone(),
                name: name.name.clone(),
                labels: labels.unwrap_or_default(),
                service_account: read::text(fields, "serviceAccount")?
                    .filter(|account| !account.is_empty())
                    .unwrap_or_else(|| "default".to_owned()),
                ..Workload::default()
            },
            bind: ip.cloned().unwrap_or_else(|| "0.0.0.0".to_owned()),
            address,
            ports: ports.unwrap_or_default(),
            application: BTreeMap::new(),
            application_ip: [127, 0, 0, 1].into(),
            outbound: ([127, 0, 0, 1], 15001).into(),
            admin: ([127, 0, 0, 1], 15000).into(),
            weight,
        })
    }

    /// `namespace/name`.
    pub fn name(&self) -> ResourceName {
        ResourceName {
            namespace: self.workload.namespace.clone(),
            name: self.workload.name.clone(),
        }
    }

    /// Where the application answers what comes to a port.
    pub fn application(&self, port: u16) -> SocketAddr {
        let same = SocketAddr::new(self.application_ip, port);
        self.application.get(&port).copied().unwrap_or(same)
    }

    fn annotate(
        &mut self,
        annotations: &BTreeMap<String, String>,
        metadata: &Node<'_>,
    ) -> Result<(), ConfigError> {
        let wrong = |key: &str, text: &str, help: &str| {
            metadata
                .error(format!("annotation `{key}: {text}` makes no sense"))
                .help(help)
        };
        for (key, text) in annotations {
            let address = || {
                text.parse()
                    .map_err(|_| wrong(key, text, "write ADDRESS:PORT"))
            };
            match key.as_str() {
                OUTBOUND => self.outbound = address()?,
                ADMIN => self.admin = address()?,
                BIND => {
                    text.parse::<std::net::IpAddr>()
                        .map_err(|_| wrong(key, text, "write an IP address"))?;
                    self.bind.clone_from(text);
                }
                APPLICATION => {
                    if let Ok(ip) = text.parse() {
                        self.application_ip = ip;
                        continue;
                    }
                    for pair in text.split(',') {
                        let (port, address) = pair
                            .split_once('=')
                            .and_then(|(port, address)| {
                                Some((port.trim().parse().ok()?, address.trim().parse().ok()?))
                            })
                            .ok_or_else(|| {
                                wrong(key, text, "write an IP address, or PORT=ADDRESS:PORT,...")
                            })?;
                        self.application.insert(port, address);
                    }
                }
                other if other.starts_with("palisade.dev/") => {
                    return Err(wrong(key, text, "this annotation is not known"));
                }
                _ => {}
            }
        }
        Ok(())
    }
}
