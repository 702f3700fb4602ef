//! Which workloads a resource is for.

use std::collections::BTreeMap;

use super::ResourceName;
use crate::config::{ConfigError, Mesh, Node, Workload};

/// A workload selector (`selector.matchLabels`); empty selects every workload in scope.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    match_labels: BTreeMap<String, String>,
}

impl Selector {
    /// Reads `selector`.
    ///
    /// A `*` in a label is refused as by Istio's webhook: labels are compared as they are.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&["matchLabels"])?;
        let Some(labels) = fields.get("matchLabels") else {
            return Ok(Self::default());
        };
        let match_labels = labels.string_map()?;
        for (key, value) in &match_labels {
            if key.is_empty() {
                return Err(labels.error("a label must have a name"));
            }
            if key.contains('*') || value.contains('*') {
                return Err(labels
                    .error(format!("wildcard in label `{key}: {value}`"))
                    .help(
                        "labels match exactly; leave the selector out to select every workload",
                    ));
            }
        }
        Ok(Self { match_labels })
    }

    /// Whether a resource `name` with this selector is for `workload`: a resource of the root
    /// namespace reaches every namespace, any other its own; every label must be there.
    pub fn selects(&self, name: &ResourceName, workload: &Workload, mesh: &Mesh) -> bool {
        let in_scope =
            name.namespace == mesh.root_namespace || name.namespace == workload.namespace;
        in_scope
            && self
                .match_labels
                .iter()
                .all(|(key, value)| workload.labels.get(key) == Some(value))
    }

    /// Whether it selects every workload in scope.
    pub fn is_empty(&self) -> bool {
        self.match_labels.is_empty()
    }
}
