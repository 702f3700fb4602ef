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
pub mod config;
pub mod decision;
pub mod headers;
pub mod json;
pub mod policy;
pub mod resource;

pub use attributes::{Attributes, Protocol};
pub use config::ConfigError;
pub use decision::{Decision, Evidence};
pub use headers::Headers;
