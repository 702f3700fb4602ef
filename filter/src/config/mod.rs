//! The plugin configuration: mesh, workload, clusters for key sets, and Istio resources.

mod error;
mod mesh;
mod node;
mod workload;

pub use error::ConfigError;
pub use mesh::Mesh;
pub use node::{Fields, Node, Path};
pub use workload::Workload;
