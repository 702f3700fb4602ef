//! Istio resources as they arrive, read strictly.

pub mod authorization_policy;
mod metadata;
pub mod request_authentication;
mod scope;
mod selector;
mod target;

pub use authorization_policy::AuthorizationPolicy;
pub use metadata::{Metadata, ResourceName};
pub use request_authentication::RequestAuthentication;
pub use scope::Scope;
pub use selector::Selector;
pub use target::{TargetKind, TargetRef};
