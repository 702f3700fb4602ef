//! Which workload this Envoy stands in front of.

use std::collections::BTreeMap;

use super::{ConfigError, Node};
use crate::resource::ResourceName;

/// The workload that this proxy serves: it decides which policies apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its name, for reports.
    pub name: String,
    /// Its labels, which selectors match.
    pub labels: BTreeMap<String, String>,
    /// Its service account, for reports.
    pub service_account: String,
    /// Whether it is a waypoint: only policies attached by reference are for it.
    pub waypoint: bool,
    /// The services behind the waypoint.
    pub services: Vec<ResourceName>,
}

impl Workload {
    /// Reads `workload`; only `namespace` is required.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&[
            "namespace",
            "name",
            "labels",
            "serviceAccount",
            "waypoint",
            "services",
        ])?;
        let text = |key| match fields.get(key) {
            Some(node) => node.string().map(str::to_owned),
            None => Ok(String::new()),
        };
        let namespace = fields.require("namespace")?;
        if namespace.string()?.is_empty() {
            return Err(namespace
                .error("must not be empty")
                .help("name the workload's namespace"));
        }
        Ok(Self {
            namespace: namespace.string()?.to_owned(),
            name: text("name")?,
            labels: match fields.get("labels") {
                Some(node) => node.string_map()?,
                None => BTreeMap::new(),
            },
            service_account: text("serviceAccount")?,
            waypoint: match fields.get("waypoint") {
                Some(node) => node.boolean()?,
                None => false,
            },
            services: match fields.get("services") {
                Some(node) => node
                    .list()?
                    .map(|node| service(&node))
                    .collect::<Result<_, _>>()?,
                None => Vec::new(),
            },
        })
    }
}

/// A service, as `namespace/name`.
fn service(node: &Node<'_>) -> Result<ResourceName, ConfigError> {
    match node.string()?.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => Ok(ResourceName {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        _ => Err(node
            .error("is not the name of a service")
            .help("write `namespace/name`")),
    }
}
