//! Everything around a request: mesh, workload, policies, issuers, time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use palisade_filter::resource::request_authentication::HttpUrl;
use serde_json::{Map, Value, json};

use super::authorizer::{Authorizer, Verdict};
use crate::connection_manager::PathNormalization;

/// What surrounds a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Mesh-wide settings.
    pub mesh: Mesh,
    /// The workload that the proxy serves.
    pub workload: Workload,
    /// Istio objects.
    pub resources: Vec<Value>,
    /// What issuers serve.
    pub jwks: Jwks,
    /// What external authorizers answer, by the name of their provider.
    pub verdicts: BTreeMap<String, Verdict>,
    /// The time, since the Unix epoch; `None` is the real time.
    pub now: Option<Duration>,
    /// Whether the proxy carries TCP rather than HTTP.
    pub tcp: bool,
}

/// Key sets by `jwksUri`, or by issuer for discovery; what is not listed cannot be reached.
pub type Jwks = BTreeMap<String, Value>;

/// Mesh-wide settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Mesh {
    /// The namespace whose policies apply everywhere.
    pub root_namespace: String,
    /// The trust domain.
    pub trust_domain: String,
    /// Its other names.
    pub trust_domain_aliases: Vec<String>,
    /// How paths are normalized.
    pub path_normalization: PathNormalization,
    /// How many proxies in front are trusted.
    pub xff_num_trusted_hops: u32,
    /// What the proxy is.
    pub proxy: Proxy,
    /// Whether Envoy answers 400 to a path with a fragment.
    pub reject_path_with_fragment: bool,
    /// Whether policies with a selector are for the proxies of Kubernetes Gateways.
    pub selector_based_gateway_policy: bool,
    /// Istio's `MeshConfig.extensionProviders`.
    pub extension_providers: Vec<Value>,
    /// Whether one workload may have several external authorizers.
    pub multiple_custom_authz_providers: bool,
}

/// What the proxy is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// It stands beside a workload.
    #[default]
    Sidecar,
    /// It stands at the edge.
    Gateway,
}

/// The workload that the proxy serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its service account.
    pub service_account: String,
    /// Whether it is a waypoint.
    pub waypoint: bool,
}

/// What stands for the authorizer of the provider `name` where clusters are named by origins.
pub fn authorizer_origin(name: &str) -> String {
    format!("ext_authz {name}")
}

impl Default for Mesh {
    fn default() -> Self {
        Self {
            root_namespace: "istio-system".to_owned(),
            trust_domain: "cluster.local".to_owned(),
            trust_domain_aliases: Vec::new(),
            path_normalization: PathNormalization::Base,
            xff_num_trusted_hops: 0,
            proxy: Proxy::Sidecar,
            reject_path_with_fragment: true,
            selector_based_gateway_policy: true,
            extension_providers: Vec::new(),
            multiple_custom_authz_providers: false,
        }
    }
}

impl Setup {
    /// The plugin configuration. `cluster` names the Envoy cluster for each origin that keys come
    /// from, and for each [`authorizer_origin`].
    pub fn plugin_configuration(&self, cluster: impl Fn(&str) -> String) -> Value {
        let Self { mesh, workload, .. } = self;
        let clusters: Map<String, Value> = self
            .origins()
            .into_iter()
            .map(|origin| (origin.clone(), cluster(&origin).into()))
            .collect();
        let (providers, authorizers): (Vec<Value>, Vec<Authorizer>) =
            self.authorizers().into_iter().unzip();
        let authorizer_clusters: Map<String, Value> = authorizers
            .into_iter()
            .map(|Authorizer { name, .. }| {
                let cluster = cluster(&authorizer_origin(&name));
                (name, cluster.into())
            })
            .collect();
        json!({
            "version": 1,
            "protocol": if self.tcp { "tcp" } else { "http" },
            "mesh": {
                "rootNamespace": mesh.root_namespace,
                "trustDomain": mesh.trust_domain,
                "trustDomainAliases": mesh.trust_domain_aliases,
                "selectorBasedGatewayPolicy": mesh.selector_based_gateway_policy,
                "extensionProviders": providers,
                "multipleCustomAuthzProviders": mesh.multiple_custom_authz_providers,
            },
            "workload": {
                "namespace": workload.namespace,
                "name": workload.name,
                "labels": workload.labels,
                "serviceAccount": workload.service_account,
                "waypoint": workload.waypoint,
            },
            "jwksClusters": clusters,
            "extAuthzClusters": authorizer_clusters,
            "filterState": "all",
            "resources": self.resources,
        })
    }

    /// The external authorizers, each with its entry in `extensionProviders`.
    pub fn authorizers(&self) -> Vec<(Value, Authorizer)> {
        Authorizer::all(&self.mesh.extension_providers, &self.verdicts)
    }

    /// The origins of all keys: `scheme://host[:port]`.
    pub fn origins(&self) -> BTreeSet<String> {
        let rules = self.resources.iter().flat_map(|resource| {
            resource["spec"]["jwtRules"]
                .as_array()
                .map_or(&[][..], Vec::as_slice)
        });
        let uris = rules.filter_map(|rule| {
            let given = |key: &str| rule[key].as_str().filter(|text| !text.is_empty());
            let uri = given("jwksUri").or(given("jwks_uri"));
            match given("jwks") {
                Some(_) => None,
                None => uri.or(given("issuer")),
            }
        });
        uris.chain(self.jwks.keys().map(String::as_str))
            .filter_map(|uri| Some(HttpUrl::parse(uri).ok()?.origin().to_owned()))
            .collect()
    }

    /// What the issuer at `origin` serves at `path`; `None` where nobody answers.
    pub fn served(&self, origin: &str, path: &str) -> Option<Value> {
        const DISCOVERY: &str = "/.well-known/openid-configuration";
        const KEYS: &str = "/palisade-discovered-keys";
        let key_set = |suffix: &str| {
            let target = format!("{origin}{path}");
            let issuer = target.strip_suffix(suffix)?;
            let known = self
                .jwks
                .iter()
                .find(|(uri, _)| uri.trim_end_matches('/') == issuer)?;
            Some((known.0.clone(), known.1.clone()))
        };
        let listed = self.jwks.iter().find(|(uri, _)| {
            HttpUrl::parse(uri).is_ok_and(|url| url.as_str() == format!("{origin}{path}"))
        });
        if let Some((issuer, _)) = key_set(DISCOVERY) {
            let base = issuer.trim_end_matches('/');
            return Some(json!({"issuer": issuer, "jwks_uri": format!("{base}{KEYS}")}));
        }
        listed
            .map(|(_, keys)| keys.clone())
            .or_else(|| Some(key_set(KEYS)?.1))
    }
}
