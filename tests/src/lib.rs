//! Palisade against real Envoy, and the data-driven corpora.

pub mod bench;
pub mod compose;
pub mod demo;
pub mod differential;
pub mod mesh;
pub mod native;
pub mod native_engine;
mod paths;
pub mod policies;
pub mod stage;
pub mod suites;
pub mod tokens;

pub use paths::{repository, wasm};

/// What went wrong in a test or in the demo; it is only ever shown.
pub type Error = Box<dyn std::error::Error + Send + Sync>;
