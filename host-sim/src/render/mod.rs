//! From Istio's YAML to the configuration of stock Envoy: one folder in, a bootstrap and the files
//! that Envoy watches out, for each workload.
//!
//! [`Inventory`] reads and validates, [`envoy`] says it to Envoy, [`Files`] are written so that a
//! running Envoy sees each of them change at once.

mod destination_rule;
pub mod envoy;
mod error;
mod files;
mod inventory;
mod mesh;
mod peer_authentication;
mod read;
mod service_entry;
mod workload;
mod yaml;

pub use destination_rule::{DestinationRule, TlsMode};
pub use error::RenderError;
pub use files::Files;
pub use inventory::Inventory;
pub use mesh::MeshSettings;
pub use peer_authentication::{Mode, Modes, PeerAuthentication, compose};
pub use service_entry::{Location, Protocol, Resolution, ServiceEntry, ServicePort};
pub use workload::{Proxied, WorkloadKind};
