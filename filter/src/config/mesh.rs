//! What holds for the whole mesh.

use super::{ConfigError, ExtensionProvider, Node};

/// Mesh-wide settings (Istio's `MeshConfig`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mesh {
    /// The namespace whose policies apply everywhere.
    pub root_namespace: String,
    /// The trust domain of this mesh's identities.
    pub trust_domain: String,
    /// Other names that stand for the same trust domain.
    pub trust_domain_aliases: Vec<String>,
    /// Whether policies with a selector, or without any scope, are for the proxies of Kubernetes
    /// Gateways too (istiod's `ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY`).
    pub selector_based_gateway_policy: bool,
    /// The external authorizers that policies with action CUSTOM can name.
    pub extension_providers: Vec<ExtensionProvider>,
    /// Whether one workload may have several of them (istiod's
    /// `PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS`); otherwise what would ask one is denied.
    pub multiple_custom_authz_providers: bool,
}

impl Default for Mesh {
    fn default() -> Self {
        Self {
            root_namespace: "istio-system".to_owned(),
            trust_domain: "cluster.local".to_owned(),
            trust_domain_aliases: Vec::new(),
            selector_based_gateway_policy: true,
            extension_providers: Vec::new(),
            multiple_custom_authz_providers: false,
        }
    }
}

impl Mesh {
    /// Reads `mesh`; what is absent takes Istio's default.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let fields = node.object(&[
            "rootNamespace",
            "trustDomain",
            "trustDomainAliases",
            "selectorBasedGatewayPolicy",
            "extensionProviders",
            "multipleCustomAuthzProviders",
        ])?;
        let default = Self::default();
        let text = |key, default: String| match fields.get(key) {
            None => Ok(default),
            Some(node) => match node.string()? {
                "" => Err(node
                    .error("must not be empty")
                    .help("leave it out for the default")),
                text => Ok(text.to_owned()),
            },
        };
        let flag = |key, default| fields.get(key).map_or(Ok(default), |node| node.boolean());
        Ok(Self {
            root_namespace: text("rootNamespace", default.root_namespace)?,
            trust_domain: text("trustDomain", default.trust_domain)?,
            trust_domain_aliases: match fields.get("trustDomainAliases") {
                Some(node) => node.strings()?,
                None => Vec::new(),
            },
            selector_based_gateway_policy: flag(
                "selectorBasedGatewayPolicy",
                default.selector_based_gateway_policy,
            )?,
            extension_providers: match fields.get("extensionProviders") {
                Some(node) => ExtensionProvider::read_all(&node)?,
                None => Vec::new(),
            },
            multiple_custom_authz_providers: flag(
                "multipleCustomAuthzProviders",
                default.multiple_custom_authz_providers,
            )?,
        })
    }
}
