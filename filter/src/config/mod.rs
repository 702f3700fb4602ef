//! The plugin configuration: mesh, workload, clusters for key sets, and Istio resources.

pub mod duration;
mod error;
mod extension_provider;
mod jwks_clusters;
mod mesh;
mod node;
mod resources;
mod workload;

pub use error::ConfigError;
pub use extension_provider::{ExtAuthz, ExtAuthzHttp, ExtensionProvider, HeaderNames};
pub use jwks_clusters::JwksClusters;
pub use mesh::Mesh;
pub use node::{Fields, Node, Path};
pub use resources::Resources;
pub use workload::Workload;

use std::collections::BTreeMap;

use crate::attributes::Protocol;
use crate::json;

/// How deep a configuration may nest; Istio's own objects need about 12 levels.
const MAX_DEPTH: usize = 64;

/// The version of the configuration that this filter understands.
const VERSION: i64 = 1;

/// Everything that the filter is told at load.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whether this is an HTTP or a network filter.
    pub protocol: Protocol,
    /// Mesh-wide settings.
    pub mesh: Mesh,
    /// The workload behind this proxy.
    pub workload: Workload,
    /// Where key sets are fetched.
    pub jwks_clusters: JwksClusters,
    /// Envoy clusters by the name of the extension provider that is reached through them.
    pub ext_authz_clusters: BTreeMap<String, String>,
    /// Which decisions are left in filter state for the access log.
    pub filter_state: Reported,
    /// The Istio objects, those of other workloads included.
    pub resources: Resources,
}

/// Which decisions are told beside counting them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reported {
    /// Each.
    All,
    /// Those that deny, and those about which AUDIT or dry-run policies have something to say. As
    /// with Envoy's own filters, what passes leaves no reason.
    #[default]
    Notable,
}

impl Config {
    /// Reads the plugin configuration: JSON, in which nothing may be unknown.
    pub fn parse(text: &[u8]) -> Result<Self, ConfigError> {
        let document = json::parse(text, MAX_DEPTH).map_err(|error| {
            ConfigError::new("", format!("not JSON: {error}"))
                .help("give the plugin configuration as JSON text in a StringValue")
        })?;
        Self::read(&Node::root(&document))
    }

    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let known = [
            "version",
            "protocol",
            "mesh",
            "workload",
            "jwksClusters",
            "extAuthzClusters",
            "filterState",
            "resources",
        ];
        let fields = node.object(&known)?;
        let version = fields.require("version")?;
        if version.integer()? != VERSION {
            return Err(version
                .error(format!("version `{}` is not supported", version.integer()?))
                .help(format!("use version {VERSION}")));
        }
        Ok(Self {
            protocol: match fields.get("protocol") {
                None => Protocol::Http,
                Some(node) => read_protocol(&node)?,
            },
            mesh: match fields.get("mesh") {
                None => Mesh::default(),
                Some(node) => Mesh::read(&node)?,
            },
            workload: Workload::read(&fields.require("workload")?)?,
            jwks_clusters: match fields.get("jwksClusters") {
                None => JwksClusters::default(),
                Some(node) => JwksClusters::read(&node)?,
            },
            ext_authz_clusters: match fields.get("extAuthzClusters") {
                None => BTreeMap::new(),
                Some(node) => node.string_map()?,
            },
            filter_state: match fields.get("filterState") {
                None => Reported::default(),
                Some(node) => read_reported(&node)?,
            },
            resources: match fields.get("resources") {
                None => Resources::default(),
                Some(node) => Resources::read(&node)?,
            },
        })
    }
}

fn read_protocol(node: &Node<'_>) -> Result<Protocol, ConfigError> {
    match node.string()? {
        "http" => Ok(Protocol::Http),
        "tcp" => Ok(Protocol::Tcp),
        other => Err(node
            .error(format!("unknown protocol `{other}`"))
            .help("use `http` in envoy.filters.http.wasm, `tcp` in envoy.filters.network.wasm")),
    }
}

fn read_reported(node: &Node<'_>) -> Result<Reported, ConfigError> {
    match node.string()? {
        "all" => Ok(Reported::All),
        "notable" => Ok(Reported::Notable),
        other => Err(node
            .error(format!("unknown choice `{other}`"))
            .help("use `all`, or `notable` (the default) for denials, audits and dry runs only")),
    }
}
