//! `PeerAuthentication`: which connections a workload takes.
//! Source: istio.io, PeerAuthentication; istiod's `ComposePeerAuthentication`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use palisade_filter::config::{ConfigError, Mesh, Node, Workload};
use palisade_filter::resource::{Metadata, ResourceName, Selector};

use super::read;

/// Which connections are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Plaintext only.
    Disable,
    /// Mutual TLS and plaintext on one port.
    Permissive,
    /// Mutual TLS only.
    Strict,
}

/// One `PeerAuthentication`.
#[derive(Clone, Debug)]
pub struct PeerAuthentication {
    /// Namespace and name.
    pub name: ResourceName,
    /// `metadata.creationTimestamp`; an object of a file has none, and counts as oldest.
    created: Option<SystemTime>,
    selector: Selector,
    /// `None` is UNSET: what the level above says.
    mode: Option<Mode>,
    ports: BTreeMap<u16, Option<Mode>>,
}

/// The modes of one workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modes {
    /// The mode of every port that is not below, and who says so.
    pub workload: (Mode, Option<ResourceName>),
    /// The modes of single ports, and who says so.
    pub ports: BTreeMap<u16, (Mode, Option<ResourceName>)>,
}

// === impl PeerAuthentication ===

impl PeerAuthentication {
    /// Reads the object.
    pub fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let top = node.open_object()?;
        let metadata = top.require("metadata")?;
        let name = Metadata::read(&metadata)?.name;
        let created = read::optional(&metadata.open_object()?, "creationTimestamp", time)?;
        read::spec(node, &["selector", "mtls", "portLevelMtls"], |spec| {
            let selector = read::optional(spec, "selector", Selector::read)?.unwrap_or_default();
            let ports = read::optional(spec, "portLevelMtls", |node| ports(node, &selector))?;
            Ok(Self {
                name: name.clone(),
                created,
                mode: read::optional(spec, "mtls", mtls)?.flatten(),
                ports: ports.unwrap_or_default(),
                selector,
            })
        })
    }

    /// Whether it is for this workload at all.
    pub fn selects(&self, workload: &Workload, mesh: &Mesh) -> bool {
        self.selector.selects(&self.name, workload, mesh)
    }
}

/// What these policies, all of them for one workload, say together: workload over namespace over
/// mesh, the oldest of each level, PERMISSIVE where nobody says anything.
pub fn compose<'a>(
    policies: impl IntoIterator<Item = &'a PeerAuthentication>,
    root_namespace: &str,
) -> Modes {
    let mut levels: [Option<&PeerAuthentication>; 3] = [None; 3];
    for policy in policies {
        let in_root = policy.name.namespace == root_namespace;
        let level = match (policy.selector.is_empty(), in_root) {
            (true, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            // A selector does not make a mesh-wide policy: Istio passes it over.
            (false, true) => continue,
        };
        if levels[level].is_none_or(|other| policy.age() < other.age()) {
            levels[level] = Some(policy);
        }
    }
    let said = levels.iter().rev().flatten();
    let workload = said
        .filter_map(|policy| Some((policy.mode?, Some(policy.name.clone()))))
        .next()
        .unwrap_or((Mode::Permissive, None));
    let by_port = levels[2].iter().flat_map(|policy| {
        let name = &policy.name;
        policy
            .ports
            .iter()
            .map(move |(port, mode)| (*port, *mode, name))
    });
    let ports = by_port.map(|(port, mode, name)| match mode {
        Some(mode) => (port, (mode, Some(name.clone()))),
        None => (port, workload.clone()),
    });
    Modes {
        ports: ports.collect(),
        workload: workload.clone(),
    }
}

impl PeerAuthentication {
    /// Orders by creation, then by name, as istiod lists objects.
    fn age(&self) -> (Option<SystemTime>, &str, &str) {
        (self.created, &self.name.name, &self.name.namespace)
    }
}

// === impl Modes ===

impl Modes {
    /// The mode of a port of the workload, and the policy that says so.
    pub fn of(&self, port: u16) -> &(Mode, Option<ResourceName>) {
        self.ports.get(&port).unwrap_or(&self.workload)
    }
}

// === impl Mode ===

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disable => "DISABLE",
            Self::Permissive => "PERMISSIVE",
            Self::Strict => "STRICT",
        })
    }
}

fn mtls(node: &Node<'_>) -> Result<Option<Mode>, ConfigError> {
    let fields = node.object(&["mode"])?;
    Ok(read::optional(&fields, "mode", mode)?.flatten())
}

fn mode(node: &Node<'_>) -> Result<Option<Mode>, ConfigError> {
    match node.string()? {
        "UNSET" => Ok(None),
        "DISABLE" => Ok(Some(Mode::Disable)),
        "PERMISSIVE" => Ok(Some(Mode::Permissive)),
        "STRICT" => Ok(Some(Mode::Strict)),
        other => Err(node
            .error(format!("unknown mode `{other}`"))
            .help("use STRICT, PERMISSIVE, DISABLE or UNSET")),
    }
}

fn ports(node: &Node<'_>, selector: &Selector) -> Result<BTreeMap<u16, Option<Mode>>, ConfigError> {
    if selector.is_empty() {
        return Err(node
            .error("port levels need a selector")
            .help("add `selector.matchLabels`, such as `app: payment-service`"));
    }
    let mut ports = BTreeMap::new();
    for (key, node) in node.open_object()?.iter() {
        let port = key.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            node.error(format!("`{key}` is no port"))
                .help("use a port of the workload, 1 to 65535")
        })?;
        ports.insert(port, mtls(&node)?);
    }
    if ports.is_empty() {
        return Err(node
            .error("has no ports")
            .help("name a port, or leave it out"));
    }
    Ok(ports)
}

fn time(node: &Node<'_>) -> Result<SystemTime, ConfigError> {
    humantime::parse_rfc3339(node.string()?).map_err(|_| {
        node.error("is no time")
            .help("write it as 2026-01-01T00:00:00Z")
    })
}
