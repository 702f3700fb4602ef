//! What holds for the whole mesh, from Istio's `MeshConfig`.

use palisade_filter::config::{ConfigError, Mesh, Node};
use palisade_filter::json;
use serde_json::{Value, json};

use super::{RenderError, read};
use crate::connection_manager::PathNormalization;
use crate::source::Sources;

/// The settings of a mesh.
#[derive(Clone, Debug)]
pub struct MeshSettings {
    /// As the filter understands them.
    pub mesh: Mesh,
    /// The same as it takes them.
    pub raw: Value,
    /// What happens to paths before policies see them.
    pub path_normalization: PathNormalization,
}

impl Default for MeshSettings {
    fn default() -> Self {
        Self {
            mesh: Mesh::default(),
            raw: json!({}),
            path_normalization: PathNormalization::default(),
        }
    }
}

impl MeshSettings {
    /// Reads a file with a `MeshConfig`: `rootNamespace`, `trustDomain`, `trustDomainAliases`,
    /// `extensionProviders`, `pathNormalization`, and what the filter's own `mesh` has beside them.
    ///
    /// # Errors
    /// When it cannot be read, or says anything else.
    pub fn load(file: &std::path::Path) -> Result<Self, RenderError> {
        let mut sources = Sources::of_any_kind();
        sources.add_path(file)?;
        let Some(object) = sources.objects.first() else {
            return Ok(Self::default());
        };
        let path_normalization = read::object(object, |node| {
            let fields = node.open_object()?;
            Ok(read::optional(&fields, "pathNormalization", normalization)?.unwrap_or_default())
        })?;
        let mut object = object.clone();
        if let Some(map) = object.value.as_object_mut() {
            map.remove("pathNormalization");
        }
        Ok(Self {
            mesh: read::object(&object, Mesh::read)?,
            raw: object.value.clone(),
            path_normalization,
        })
    }

    /// The trust domains whose identities count: the mesh's own and its aliases.
    pub fn trust_domains(&self) -> impl Iterator<Item = &str> {
        let aliases = self.mesh.trust_domain_aliases.iter();
        [&self.mesh.trust_domain]
            .into_iter()
            .chain(aliases)
            .map(String::as_str)
    }

    /// The addresses of the external authorizers: the provider's name, host, port and whether it
    /// speaks gRPC.
    pub fn authorizers(&self) -> Vec<(String, String, u16, bool)> {
        let providers = self.raw["extensionProviders"].as_array();
        let address = |provider: &Value| {
            let kinds = [("envoyExtAuthzHttp", false), ("envoyExtAuthzGrpc", true)];
            let (kind, grpc) = kinds
                .into_iter()
                .find(|(kind, _)| provider.get(kind).is_some())?;
            let service = provider[kind]["service"].as_str()?;
            let host = service.rsplit('/').next()?.to_owned();
            let port = provider[kind]["port"].as_u64()?.try_into().ok()?;
            Some((provider["name"].as_str()?.to_owned(), host, port, grpc))
        };
        providers
            .into_iter()
            .flatten()
            .filter_map(address)
            .collect()
    }
}

fn normalization(node: &Node<'_>) -> Result<PathNormalization, ConfigError> {
    let fields = node.object(&["normalization"])?;
    let option = read::optional(&fields, "normalization", |node| match node.value() {
        json::Value::String(name) => PathNormalization::from_name(name).ok_or_else(|| {
            node.error(format!("unknown option `{name}`"))
                .help("use NONE, BASE, MERGE_SLASHES or DECODE_AND_MERGE_SLASHES")
        }),
        _ => Err(node.error("must be a string")),
    })?;
    Ok(option.unwrap_or_default())
}
