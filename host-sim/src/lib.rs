//! The Palisade simulator: a proxy-wasm host on wasmtime that runs the very `.wasm` that Envoy
//! runs, and the command line `palisade` on top of it.

pub mod envoy;
pub mod vm;
