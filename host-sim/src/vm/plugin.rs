//! A compiled plugin.

use std::path::Path;

use wasmtime::{Config, Engine, InstancePre, Linker, Module};

use super::error::HostError;
use super::state::State;
use super::{imports, wasi};

/// A `.wasm` file, compiled once; clones share it.
#[derive(Clone)]
pub struct Plugin {
    engine: Engine,
    instance: InstancePre<State>,
}

impl Plugin {
    /// Compiles the module in `bytes`.
    ///
    /// # Errors
    /// When it is no module, or wants a function that Envoy does not have.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, HostError> {
        let mut config = Config::new();
        config.consume_fuel(true);
        // A cache that cannot be set up only costs time.
        if let Ok(cache) = wasmtime::Cache::new(wasmtime::CacheConfig::new()) {
            config.cache(Some(cache));
        }
        let engine = Engine::new(&config)?;
        let module = Module::new(&engine, bytes)?;
        let mut linker = Linker::new(&engine);
        imports::add(&mut linker)?;
        wasi::add(&mut linker)?;
        let instance = linker.instantiate_pre(&module)?;
        Ok(Self { engine, instance })
    }

    /// Compiles the module in the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, or as [`Plugin::from_bytes`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, HostError> {
        let path = path.as_ref();
        let bytes = std::fs::read(path)
            .map_err(|error| HostError::new(format_args!("`{}`: {error}", path.display())))?;
        Self::from_bytes(&bytes)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn instance(&self) -> &InstancePre<State> {
        &self.instance
    }
}
