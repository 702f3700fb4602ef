//! The Istio objects of the configuration.

use std::collections::BTreeSet;

use super::{ConfigError, Node};
use crate::resource::{AuthorizationPolicy, Metadata, RequestAuthentication};

/// Istio objects as they arrived, each valid.
#[derive(Clone, Debug, Default)]
pub struct Resources {
    /// `RequestAuthentication`, in the order given.
    pub request_authentications: Vec<RequestAuthentication>,
    /// `AuthorizationPolicy`, in the order given.
    pub authorization_policies: Vec<AuthorizationPolicy>,
}

impl Resources {
    /// Reads `resources`.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let mut resources = Self::default();
        let mut seen = BTreeSet::new();
        for item in node.list()? {
            let fields = item.open_object()?;
            let kind = fields.require("kind")?;
            let name = Metadata::read(&fields.require("metadata")?)?.name;
            match kind.string()? {
                "RequestAuthentication" => resources
                    .request_authentications
                    .push(RequestAuthentication::read(&item)?),
                "AuthorizationPolicy" => resources
                    .authorization_policies
                    .push(AuthorizationPolicy::read(&item)?),
                other => {
                    return Err(kind
                        .error(format!("kind `{other}` is not for this filter"))
                        .help("give it RequestAuthentication and AuthorizationPolicy only"));
                }
            }
            if !seen.insert((kind.string()?.to_owned(), name.clone())) {
                return Err(item
                    .error(format!("a second {} `{name}`", kind.string()?))
                    .help("give each resource once"));
            }
        }
        Ok(resources)
    }
}
