//! What a resource is attached to by reference.

use super::ResourceName;
use crate::config::{ConfigError, Node};

/// One entry of `targetRefs`: a gateway, a class of gateways, or a service behind a waypoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRef {
    /// What kind of object it is.
    pub kind: TargetKind,
    /// The object; it lives in the namespace of the resource that refers to it.
    pub name: ResourceName,
}

/// The kinds of object that a policy can be attached to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// `gateway.networking.k8s.io` `Gateway`
    Gateway,
    /// `gateway.networking.k8s.io` `GatewayClass`, from the root namespace only
    GatewayClass,
    /// A core `Service`
    Service,
    /// `networking.istio.io` `ServiceEntry`
    ServiceEntry,
}

// === impl TargetRef ===

impl TargetRef {
    /// Reads one reference of a resource that lives in `namespace`.
    pub fn read(node: &Node<'_>, namespace: &str) -> Result<Self, ConfigError> {
        let fields = node.object(&["group", "kind", "name", "namespace"])?;
        let text = |key| fields.get(key).map_or(Ok(""), |node| node.string());
        let (group, kind, name) = (text("group")?, text("kind")?, text("name")?);
        if name.is_empty() {
            return Err(node
                .error("a target reference must have a name")
                .help("add `name`"));
        }
        let other = text("namespace")?;
        if !other.is_empty() && other != namespace {
            return Err(node
                .error(format!("refers to namespace `{other}`"))
                .help("a policy can only refer to objects of its own namespace; leave it out"));
        }
        let kind = TargetKind::new(group, kind).ok_or_else(|| {
            node.error(format!(
                "`{kind}` of group `{group}` cannot have a policy attached"
            ))
            .help(
                "use Gateway or GatewayClass (gateway.networking.k8s.io), Service (empty group) \
                 or ServiceEntry (networking.istio.io)",
            )
        })?;
        Ok(Self {
            kind,
            name: ResourceName {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            },
        })
    }
}

// === impl TargetKind ===

impl TargetKind {
    fn new(group: &str, kind: &str) -> Option<Self> {
        match (group, kind) {
            ("gateway.networking.k8s.io", "Gateway") => Some(Self::Gateway),
            ("gateway.networking.k8s.io", "GatewayClass") => Some(Self::GatewayClass),
            ("" | "core", "Service") => Some(Self::Service),
            ("networking.istio.io", "ServiceEntry") => Some(Self::ServiceEntry),
            _ => None,
        }
    }
}
