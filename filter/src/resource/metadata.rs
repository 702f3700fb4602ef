//! What every Istio object says of itself.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::{ConfigError, Node};

/// Namespace and name of a resource, shown as `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceName {
    /// The namespace that it lives in.
    pub namespace: String,
    /// Its name there.
    pub name: String,
}

/// The part of Kubernetes' `ObjectMeta` that matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Namespace and name.
    pub name: ResourceName,
    /// Annotations, such as `istio.io/dry-run`.
    pub annotations: BTreeMap<String, String>,
}

impl Metadata {
    /// Reads `metadata`. Fields that Kubernetes adds by itself are passed over: they say nothing
    /// about policy.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.open_object()?;
        let name = fields.require("name")?.string()?.to_owned();
        let namespace = match fields.get("namespace") {
            Some(node) => node.string()?.to_owned(),
            None => "default".to_owned(),
        };
        let annotations = match fields.get("annotations") {
            Some(node) => node.string_map()?,
            None => BTreeMap::new(),
        };
        Ok(Self {
            name: ResourceName { namespace, name },
            annotations,
        })
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}
