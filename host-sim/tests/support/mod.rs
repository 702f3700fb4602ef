//! What tests of the finished module share.

/// Where the filter is: what `make wasm` built, if `PALISADE_WASM` does not say otherwise.
pub fn wasm() -> String {
    let built = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/palisade.wasm");
    std::env::var("PALISADE_WASM").unwrap_or_else(|_| built.to_owned())
}
