//! The Palisade simulator: a proxy-wasm host on wasmtime that runs the very `.wasm` that Envoy
//! runs, and the command line `palisade` on top of it.

pub mod ca;
pub mod connection_manager;
pub mod engine;
pub mod envoy;
pub mod render;
pub mod source;
pub mod suite;
pub mod vm;
