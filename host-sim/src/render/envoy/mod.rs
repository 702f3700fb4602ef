//! What a workload's Envoy is told.

mod application;
mod bootstrap;
mod cluster;
mod filter;
mod inbound;
mod outbound;
mod tls;

pub use tls::MESH_ALPN;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::inventory::Sourced;
use super::yaml::{self, COMMENT};
use super::{Files, Inventory, Proxied, RenderError};

/// Where things are, as Envoy sees them.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that the files are in; those of a workload are in `NAMESPACE/NAME` below it.
    pub prefix: String,
    /// The filter.
    pub wasm: String,
    /// The authorities of public servers: a file in PEM.
    pub public_authorities: String,
    /// The Unix socket of an SDS server, such as SPIRE's agent; otherwise certificates are files.
    pub sds_socket: Option<String>,
}

/// Everything that one Envoy is told.
#[derive(Clone, Debug)]
pub struct Proxy {
    folder: PathBuf,
    comment: String,
    bootstrap: Value,
    listeners: Vec<Value>,
    clusters: Vec<Value>,
    secrets: Vec<(&'static str, Value)>,
}

// === impl Proxy ===

impl Proxy {
    /// The proxy of a workload.
    ///
    /// # Errors
    /// When what the objects say together cannot be.
    pub fn new(
        inventory: &Inventory,
        workload: &Sourced<Proxied>,
        options: &Options,
    ) -> Result<Self, RenderError> {
        let name = workload.object.name();
        let folder = PathBuf::from(&name.namespace).join(&name.name);
        let place = Place {
            inventory,
            workload,
            options,
            folder: format!("{}/{}/{}", options.prefix, name.namespace, name.name),
        };
        let filter = filter::Filter::new(&place)?;
        let mut clusters = application::clusters(&place);
        let mut listeners = inbound::listeners(&place, &filter);
        let outbound = outbound::Outbound::new(&place)?;
        listeners.extend(outbound.listeners);
        clusters.extend(outbound.clusters);
        clusters.extend(filter.clusters);
        Ok(Self {
            folder,
            comment: format!(
                "{name}, from {}. Written by `palisade render`.",
                workload.origin
            ),
            bootstrap: bootstrap::bootstrap(&place),
            listeners,
            clusters,
            secrets: tls::secrets(&place),
        })
    }

    /// Its files.
    pub fn files(&self) -> Files {
        let mut files = Files::default();
        let mut add = |name: &str, mut value: Value| {
            value[COMMENT] = self.comment.as_str().into();
            files.insert(self.folder.join(name), yaml::write(&value));
        };
        add("bootstrap.yaml", self.bootstrap.clone());
        add(
            "lds.yaml",
            response("config.listener.v3.Listener", self.listeners.clone()),
        );
        add(
            "cds.yaml",
            response("config.cluster.v3.Cluster", self.clusters.clone()),
        );
        for (name, secret) in &self.secrets {
            let type_name = "extensions.transport_sockets.tls.v3.Secret";
            add(name, response(type_name, vec![secret.clone()]));
        }
        files
    }

    /// A bootstrap that has everything in itself: `envoy --mode validate` does not follow files.
    pub fn whole(&self) -> String {
        let mut whole = self.bootstrap.clone();
        if let Some(whole) = whole.as_object_mut() {
            whole.remove("dynamic_resources");
        }
        let of_bootstrap = whole["static_resources"]["clusters"].as_array();
        let clusters = of_bootstrap.into_iter().flatten().chain(&self.clusters);
        let clusters: Vec<Value> = clusters.cloned().collect();
        whole["static_resources"] = json!({"listeners": self.listeners, "clusters": clusters});
        yaml::write(&whole)
    }
}

/// Where something is rendered: what every part may need to know.
struct Place<'a> {
    inventory: &'a Inventory,
    workload: &'a Sourced<Proxied>,
    options: &'a Options,
    /// The folder of the workload's files, as Envoy sees it.
    folder: String,
}

/// The content of a file that Envoy watches.
fn response(type_name: &str, mut resources: Vec<Value>) -> Value {
    for resource in &mut resources {
        resource["@type"] = format!("type.googleapis.com/envoy.{type_name}").into();
    }
    json!({"resources": resources})
}

/// Where Envoy finds a file, and that it reads it again when one is moved into its folder.
fn watched(folder: &str, file: &str) -> Value {
    json!({
        "resource_api_version": "V3",
        "path_config_source": {
            "path": format!("{folder}/{file}"),
            "watched_directory": {"path": folder},
        },
    })
}

/// A text address; not necessarily one of an interface.
fn address(host: &str, port: u16) -> Value {
    json!({"socket_address": {"address": host, "port_value": port}})
}
