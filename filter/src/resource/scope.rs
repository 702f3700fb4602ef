//! Which proxies a resource is for: by selector or by reference.

use super::{ResourceName, Selector, TargetKind, TargetRef};
use crate::config::{ConfigError, Fields, Mesh, Workload};

/// The label that makes a workload the proxy of a Kubernetes Gateway, and names the Gateway.
const GATEWAY_LABEL: &str = "gateway.networking.k8s.io/gateway-name";
const WAYPOINT_CLASS: &str = "istio-waypoint";
const MAX_TARGETS: usize = 16;

/// Which proxies a resource is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those whose labels match (all in scope, when the selector is empty).
    Selector(Selector),
    /// Those that stand for one of these objects.
    Targets(Vec<TargetRef>),
}

impl Scope {
    /// The names of the fields that [`Scope::read`] reads.
    pub const FIELDS: [&'static str; 3] = ["selector", "targetRef", "targetRefs"];

    /// Reads `selector`, `targetRef` or `targetRefs` of the `spec` of a resource that lives in
    /// `namespace`; at most one of them may be there.
    pub fn read<'a>(spec: &Fields<'a>, namespace: &str) -> Result<Self, ConfigError> {
        let given = Self::FIELDS.map(|key| spec.get(key));
        if given.iter().flatten().count() > 1 {
            return Err(spec
                .node()
                .error("only one of `selector`, `targetRef` and `targetRefs` can be set")
                .help("remove the others"));
        }
        let [selector, target, targets] = given;
        if let Some(node) = target {
            return Ok(Self::Targets(vec![TargetRef::read(&node, namespace)?]));
        }
        let Some(node) = targets else {
            return Ok(Self::Selector(match selector {
                Some(node) => Selector::read(&node)?,
                None => Selector::default(),
            }));
        };
        let targets = node
            .list()?
            .map(|node| TargetRef::read(&node, namespace))
            .collect::<Result<Vec<_>, _>>()?;
        match targets.len() {
            0 => Ok(Self::Selector(Selector::default())),
            1..=MAX_TARGETS => Ok(Self::Targets(targets)),
            count => Err(node
                .error(format!(
                    "has {count} entries, at most {MAX_TARGETS} are allowed"
                ))
                .help("split the policy")),
        }
    }

    /// Whether the resource `name` with this scope is for `workload`.
    ///
    /// A plain workload knows selectors only. The proxy of a Kubernetes Gateway knows references,
    /// and selectors unless the mesh turns that off. A waypoint knows references only.
    pub fn covers(&self, name: &ResourceName, workload: &Workload, mesh: &Mesh) -> bool {
        let gateway = workload.labels.get(GATEWAY_LABEL);
        match self {
            Self::Selector(selector) => {
                let by_selector = match gateway {
                    None => !workload.waypoint,
                    Some(_) => !workload.waypoint && mesh.selector_based_gateway_policy,
                };
                by_selector && selector.selects(name, workload, mesh)
            }
            Self::Targets(targets) => targets.iter().any(|target| match target.kind {
                TargetKind::Gateway => {
                    gateway == Some(&target.name.name)
                        && target.name.namespace == workload.namespace
                }
                TargetKind::GatewayClass => {
                    workload.waypoint
                        && target.name.name == WAYPOINT_CLASS
                        && name.namespace == mesh.root_namespace
                }
                TargetKind::Service | TargetKind::ServiceEntry => {
                    workload.waypoint && workload.services.contains(&target.name)
                }
            }),
        }
    }
}
