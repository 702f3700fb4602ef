//! Which workload this Envoy stands in front of.

use std::collections::BTreeMap;

use super::{ConfigError, Node};

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
}

impl Workload {
    /// Reads `workload`; only `namespace` is required.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&["namespace", "name", "labels", "serviceAccount"])?;
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
        })
    }
}
