//! `RequestAuthentication` of `security.istio.io/v1` and `v1beta1`.

mod jwt_rule;
mod url;

pub use jwt_rule::{
    ClaimToHeader, HeaderLocation, JwtRule, KeySource, Presence, RemoteKeys, RemoteOrigin,
};
pub use url::HttpUrl;

use super::{Metadata, ResourceName, Scope};
use crate::config::{ConfigError, Mesh, Node, Workload};

const MAX_RULES: usize = 4096;

/// Which tokens are good for a workload.
#[derive(Clone, Debug)]
pub struct RequestAuthentication {
    /// Namespace and name.
    pub name: ResourceName,
    /// When it was made, in RFC 3339 and UTC; empty when that is not said. Istio takes older
    /// resources first.
    pub created: String,
    /// The workloads that it is for.
    pub scope: Scope,
    /// A rule for each issuer.
    pub rules: Vec<JwtRule>,
}

impl RequestAuthentication {
    /// Reads the whole object: `apiVersion`, `kind`, `metadata` and `spec`; `status` is passed over.
    ///
    /// As strict as Istio's webhook and schema, and beyond: an inline `jwks` must have a key that
    /// can be used.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&["apiVersion", "kind", "metadata", "spec", "status"])?;
        let version = fields.require("apiVersion")?;
        if !matches!(
            version.string()?,
            "security.istio.io/v1" | "security.istio.io/v1beta1"
        ) {
            return Err(version
                .error(format!("`{}` is not supported", version.string()?))
                .help("use `security.istio.io/v1`"));
        }
        let metadata = fields.require("metadata")?;
        let Metadata { name, annotations } = Metadata::read(&metadata)?;
        if annotations.contains_key("istio.io/dry-run") {
            return Err(metadata
                .error("annotation `istio.io/dry-run` is not supported for RequestAuthentication")
                .help("remove the annotation"));
        }
        let created = match metadata.open_object()?.get("creationTimestamp") {
            Some(node) => node.string()?.to_owned(),
            None => String::new(),
        };
        let Some(spec_node) = fields.get("spec") else {
            return Ok(Self {
                name,
                created,
                scope: Scope::Selector(Default::default()),
                rules: Vec::new(),
            });
        };
        let spec = spec_node.object(&["selector", "targetRef", "targetRefs", "jwtRules"])?;
        let scope = Scope::read(&spec, &name.namespace)?;
        let rules = match spec.get("jwtRules") {
            None => Vec::new(),
            Some(list) => {
                let rules = list
                    .list()?
                    .map(|node| JwtRule::read(&node))
                    .collect::<Result<Vec<_>, _>>()?;
                if rules.len() > MAX_RULES {
                    return Err(list
                        .error(format!(
                            "has {} rules, at most {MAX_RULES} are allowed",
                            rules.len()
                        ))
                        .help("split the resource"));
                }
                rules
            }
        };
        Ok(Self {
            name,
            created,
            scope,
            rules,
        })
    }

    /// Whether it is for `workload`.
    pub fn covers(&self, workload: &Workload, mesh: &Mesh) -> bool {
        self.scope.covers(&self.name, workload, mesh)
    }
}

#[cfg(test)]
mod tests;
