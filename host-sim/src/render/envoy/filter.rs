//! Palisade's own configuration, and the clusters that it calls.

use std::collections::BTreeMap;

use palisade_filter::resource::request_authentication::{HttpUrl, KeySource};
use palisade_filter::{Config, ConfigError};
use serde_json::{Value, json};

use super::{Place, cluster, tls};
use crate::envoy::bootstrap::extension;
use crate::render::RenderError;
use crate::render::yaml::COMMENT;

const HTTP: &str = "envoy.extensions.filters.http.wasm.v3.Wasm";
const NETWORK: &str = "envoy.extensions.filters.network.wasm.v3.Wasm";

/// The filter of a workload.
pub struct Filter {
    wasm: String,
    configuration: Value,
    /// The objects that are in it.
    comment: String,
    /// Where keys and decisions come from.
    pub clusters: Vec<Value>,
}

// === impl Filter ===

impl Filter {
    /// The filter with the policies that are for the workload.
    pub fn new(place: &Place<'_>) -> Result<Self, RenderError> {
        let (inventory, mesh) = (place.inventory, &place.inventory.mesh);
        let workload = &place.workload.object.workload;
        let authentications = inventory
            .request_authentications
            .iter()
            .filter(|policy| policy.object.covers(workload, &mesh.mesh));
        let authorizations = inventory
            .authorization_policies
            .iter()
            .filter(|policy| policy.object.applies_to(workload, &mesh.mesh));
        let mut resources = Vec::new();
        let mut sources = Vec::new();
        let mut origins = Vec::new();
        let mut keys = BTreeMap::new();
        for policy in authentications {
            for rule in &policy.object.rules {
                if let KeySource::Remote(remote) = &rule.keys {
                    let url = remote.origin.first_url();
                    keys.insert(url.origin().to_owned(), (url.clone(), &policy.origin));
                }
            }
            resources.push(policy.source.value.clone());
            sources.push(&policy.source);
            origins.push(policy.origin.as_str());
        }
        for policy in authorizations {
            resources.push(policy.source.value.clone());
            sources.push(&policy.source);
            origins.push(policy.origin.as_str());
        }
        let mut clusters = Vec::new();
        let mut jwks_clusters = BTreeMap::new();
        for (origin, (url, from)) in keys {
            let (name, value) = keys_cluster(place, &url, from);
            jwks_clusters.insert(origin, name);
            clusters.push(value);
        }
        let mut authorizers = BTreeMap::new();
        for (provider, host, port, grpc) in mesh.authorizers() {
            let name = format!("ext_authz|{provider}");
            clusters.push(cluster::named(&name, &host, port, grpc));
            authorizers.insert(provider, name);
        }
        let mut configuration = json!({
            "version": 1,
            "mesh": mesh.raw,
            "workload": {
                "namespace": workload.namespace,
                "name": workload.name,
                "serviceAccount": workload.service_account,
                "labels": workload.labels,
            },
            "jwksClusters": jwks_clusters,
            "extAuthzClusters": authorizers,
            "resources": resources,
        });
        if mesh.raw.as_object().is_none_or(serde_json::Map::is_empty)
            && let Some(map) = configuration.as_object_mut()
        {
            map.remove("mesh");
        }
        check(&configuration).map_err(|error| locate(&error, &sources, place))?;
        Ok(Self {
            wasm: place.options.wasm.clone(),
            configuration,
            comment: match origins.as_slice() {
                [] => "No policy is for this workload.".to_owned(),
                origins => format!("Policies:\n{}", origins.join("\n")),
            },
            clusters,
        })
    }

    /// The HTTP filter.
    pub fn http(&self) -> Value {
        // The access log has a place for every decision.
        let config = self.config("filterState", "all");
        extension("envoy.filters.http.wasm", HTTP, json!({"config": config}))
    }

    /// The network filter.
    pub fn network(&self) -> Value {
        let config = self.config("protocol", "tcp");
        extension(
            "envoy.filters.network.wasm",
            NETWORK,
            json!({"config": config}),
        )
    }

    /// The plugin, with one more field in its configuration.
    fn config(&self, field: &str, value: &str) -> Value {
        let mut configuration = self.configuration.clone();
        configuration[field] = value.into();
        json!({
            "name": "palisade",
            "root_id": "palisade",
            "failure_policy": "FAIL_RELOAD",
            "configuration": {
                COMMENT: self.comment,
                "@type": "type.googleapis.com/google.protobuf.StringValue",
                "value": format!("{configuration:#}"),
            },
            "vm_config": {
                "vm_id": "palisade",
                "runtime": "envoy.wasm.runtime.v8",
                "code": {"local": {"filename": self.wasm}},
            },
        })
    }
}

/// Reads and compiles the configuration as the filter will.
fn check(configuration: &Value) -> Result<(), ConfigError> {
    let config = Config::parse(configuration.to_string().as_bytes())?;
    let crypto = palisade_filter::crypto::Crypto::software();
    palisade_filter::Engine::compile(&config, crypto).map(|_| ())
}

/// An error of the filter at the object that it is about.
fn locate(
    error: &ConfigError,
    sources: &[&crate::source::Object],
    place: &Place<'_>,
) -> RenderError {
    let inside = error
        .path()
        .strip_prefix("resources[")
        .and_then(|rest| rest.split_once(']'));
    let found = inside.and_then(|(index, path)| {
        let object = sources.get(index.parse::<usize>().ok()?)?;
        Some((object, path.trim_start_matches('.')))
    });
    match found {
        Some((object, path)) => {
            // The message with its fix, without the path, which is another in the object.
            let text = error.to_string();
            let message = text
                .strip_prefix(&format!("{}: ", error.path()))
                .unwrap_or(&text);
            RenderError::of(object, path, message)
        }
        None => RenderError::Request(format!("{}: {error}", place.workload.origin)),
    }
}

/// The cluster of a server of keys.
fn keys_cluster(place: &Place<'_>, url: &HttpUrl, from: &str) -> (String, Value) {
    let secure = url.scheme() == "https";
    let (host, port) = host_and_port(url.authority(), if secure { 443 } else { 80 });
    let name = format!("jwks|{host}|{port}");
    let mut value = cluster::named(&name, &host, port, false);
    value[COMMENT] = from.into();
    if secure {
        value["transport_socket"] = tls::public_client(place, &host);
    }
    (name, value)
}

fn host_and_port(authority: &str, default: u16) -> (String, u16) {
    let split = authority.rsplit_once(':');
    let split = split.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = split.unwrap_or((authority, default));
    (host.trim_matches(['[', ']']).to_owned(), port)
}
