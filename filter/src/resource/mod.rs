//! Istio resources as they arrive, read strictly.

mod metadata;
mod selector;

pub use metadata::{Metadata, ResourceName};
pub use selector::Selector;
