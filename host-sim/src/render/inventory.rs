//! Everything that a folder says, validated.

use std::collections::BTreeMap;
use std::path::Path;

use palisade_filter::config::Workload;
use palisade_filter::resource::{
    AuthorizationPolicy, Metadata, RequestAuthentication, ResourceName,
};

use super::destination_rule::DestinationRule;
use super::peer_authentication::{Modes, PeerAuthentication, compose};
use super::{MeshSettings, Proxied, RenderError, ServiceEntry, read};
use crate::source::{Object, Sources};

/// An object, and the file and line that it comes from.
#[derive(Clone, Debug)]
pub struct Sourced<T> {
    /// The object.
    pub object: T,
    /// Such as `PeerAuthentication production/default (mesh.yaml:3)`.
    pub origin: String,
    /// Its source.
    pub source: Object,
}

/// Everything that a folder says.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// The mesh.
    pub mesh: MeshSettings,
    /// `PeerAuthentication`
    pub peer_authentications: Vec<Sourced<PeerAuthentication>>,
    /// `RequestAuthentication`
    pub request_authentications: Vec<Sourced<RequestAuthentication>>,
    /// `AuthorizationPolicy`
    pub authorization_policies: Vec<Sourced<AuthorizationPolicy>>,
    /// `WorkloadEntry` and `WorkloadGroup`
    pub workloads: Vec<Sourced<Proxied>>,
    /// `ServiceEntry`
    pub services: Vec<Sourced<ServiceEntry>>,
    /// `DestinationRule`
    pub destination_rules: Vec<Sourced<DestinationRule>>,
    /// How many objects of other kinds there were.
    pub ignored: usize,
}

// === impl Inventory ===

impl Inventory {
    /// Reads a folder.
    ///
    /// # Errors
    /// When a single object is not valid, with its file and line.
    pub fn load(folder: &Path, mesh: MeshSettings) -> Result<Self, RenderError> {
        let mut sources = Sources::of_any_kind();
        sources.add_path(folder)?;
        let mut inventory = Self {
            mesh,
            ..Self::default()
        };
        let mut known = BTreeMap::new();
        for object in &sources.objects {
            inventory.add(folder, object, &mut known)?;
        }
        Ok(inventory)
    }

    fn add(
        &mut self,
        folder: &Path,
        object: &Object,
        known: &mut BTreeMap<(String, ResourceName), String>,
    ) -> Result<(), RenderError> {
        let kind = object.value["kind"].as_str().unwrap_or_default().to_owned();
        let api = object.value["apiVersion"].as_str().unwrap_or_default();
        let group = match kind.as_str() {
            "PeerAuthentication" | "RequestAuthentication" | "AuthorizationPolicy" => "security",
            "WorkloadEntry" | "WorkloadGroup" | "ServiceEntry" | "DestinationRule" => "networking",
            "" => {
                return Err(RenderError::of(
                    object,
                    "",
                    "is no object: `kind` is missing",
                ));
            }
            // A policy of a misspelt kind must not be passed over.
            _ if api.starts_with("security.istio.io/") => {
                let message = format!(
                    "unknown kind `{kind}`; use PeerAuthentication, RequestAuthentication or \
                     AuthorizationPolicy"
                );
                return Err(RenderError::of(object, "kind", message));
            }
            _ => {
                self.ignored += 1;
                return Ok(());
            }
        };
        if !api.starts_with(&format!("{group}.istio.io/v1")) {
            let wanted = format!("use `{group}.istio.io/v1`");
            let message = format!("`{api}` has no kind `{kind}`; {wanted}");
            return Err(RenderError::of(object, "apiVersion", message));
        }
        let name = read::object(object, |node| {
            Ok(Metadata::read(&node.open_object()?.require("metadata")?)?.name)
        })?;
        let place = object.at_below(folder);
        if let Some(other) = known.insert((kind.clone(), name.clone()), place.clone()) {
            let message = format!("a second {kind} `{name}`; the first is in {other}");
            return Err(RenderError::of(object, "metadata", message));
        }
        let origin = format!("{kind} {name} ({place})");
        match kind.as_str() {
            "PeerAuthentication" => {
                let value = read::object(object, PeerAuthentication::read)?;
                self.peer_authentications
                    .push(Sourced::new(value, origin, object));
            }
            "RequestAuthentication" => {
                let value = read::object(object, RequestAuthentication::read)?;
                self.request_authentications
                    .push(Sourced::new(value, origin, object));
            }
            "AuthorizationPolicy" => {
                let value = read::object(object, AuthorizationPolicy::read)?;
                self.authorization_policies
                    .push(Sourced::new(value, origin, object));
            }
            "WorkloadEntry" => {
                let value = read::object(object, Proxied::read_entry)?;
                self.workloads.push(Sourced::new(value, origin, object));
            }
            "WorkloadGroup" => {
                let value = read::object(object, Proxied::read_group)?;
                if self.workload(&value.name()).is_some() {
                    let message = "a workload of this name is there already; name one differently";
                    return Err(RenderError::of(object, "metadata.name", message));
                }
                self.workloads.push(Sourced::new(value, origin, object));
            }
            "ServiceEntry" => {
                let value = read::object(object, ServiceEntry::read)?;
                self.services.push(Sourced::new(value, origin, object));
            }
            _ => {
                let value = read::object(object, DestinationRule::read)?;
                self.destination_rules
                    .push(Sourced::new(value, origin, object));
            }
        }
        Ok(())
    }

    /// The workload of this name.
    pub fn workload(&self, name: &ResourceName) -> Option<&Sourced<Proxied>> {
        self.workloads
            .iter()
            .find(|workload| workload.object.name() == *name)
    }

    /// Which connections a workload takes.
    pub fn modes(&self, workload: &Workload) -> Modes {
        let mesh = &self.mesh.mesh;
        let policies = self
            .peer_authentications
            .iter()
            .map(|policy| &policy.object);
        let selected = policies.filter(|policy| policy.selects(workload, mesh));
        compose(selected, &mesh.root_namespace)
    }

    /// Where a `PeerAuthentication` comes from.
    pub fn origin_of(&self, name: &ResourceName) -> &str {
        let policies = self.peer_authentications.iter();
        let mut named = policies.filter(|policy| policy.object.name == *name);
        named.next().map_or("", |policy| policy.origin.as_str())
    }

    /// The services that a workload may call.
    pub fn services_for<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = &'a Sourced<ServiceEntry>> {
        let visible = move |service: &&Sourced<ServiceEntry>| {
            !service.object.private || service.object.name.namespace == namespace
        };
        self.services.iter().filter(visible)
    }

    /// The endpoints of a service among the workloads.
    pub fn endpoints<'a>(
        &'a self,
        service: &'a ServiceEntry,
    ) -> impl Iterator<Item = &'a Sourced<Proxied>> {
        self.workloads.iter().filter(|workload| {
            let Some(labels) = &service.selector else {
                return false;
            };
            let own = &workload.object.workload;
            workload.object.address.is_some()
                && own.namespace == service.name.namespace
                && labels
                    .iter()
                    .all(|(key, value)| own.labels.get(key) == Some(value))
        })
    }

    /// How a workload of `namespace` calls a host of a service: its own namespace's rule, else the
    /// service's, else the mesh's.
    pub fn destination_rule(
        &self,
        namespace: &str,
        service: &ServiceEntry,
        host: &str,
    ) -> Option<&Sourced<DestinationRule>> {
        let root = self.mesh.mesh.root_namespace.as_str();
        [namespace, &service.name.namespace, root]
            .into_iter()
            .find_map(|namespace| {
                let rules = self.destination_rules.iter();
                rules
                    .filter(|rule| {
                        rule.object.name.namespace == namespace && rule.object.covers(host)
                    })
                    .max_by_key(|rule| rule.object.host_len())
            })
    }
}

// === impl Sourced ===

impl<T> Sourced<T> {
    fn new(object: T, origin: String, source: &Object) -> Self {
        Self {
            object,
            origin,
            source: source.clone(),
        }
    }
}
