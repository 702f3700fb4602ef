//! Istio's `RequestAuthentication` and `AuthorizationPolicy`, enforced by stock Envoy.
//!
//! One way through: configuration -> resources -> compiled policy; request attributes ->
//! authenticate -> authorize -> [`Decision`] with evidence. Everything except `shell` is pure: no
//! host call, no clock, no I/O. The shell is the proxy-wasm plugin and exists for wasm only.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used,
    )
)]

pub mod attributes;
pub mod authn;
pub mod authz;
mod bytes;
mod changed;
pub mod config;
pub mod crypto;
pub mod decision;
pub mod engine;
pub mod ext_authz;
pub mod headers;
pub mod jose;
pub mod json;
pub mod policy;
pub mod protobuf;
pub mod resource;
#[cfg(target_arch = "wasm32")]
mod shell;

pub use attributes::{Attributes, Protocol};
pub use config::{Config, ConfigError};
pub use decision::{Decision, Evidence};
pub use engine::Engine;
pub use headers::Headers;
