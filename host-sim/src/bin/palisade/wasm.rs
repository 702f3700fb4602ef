//! Where the filter is.

use std::path::PathBuf;

use clap::Args;
use host_sim::vm::Plugin;

use super::exit::{Exit, Failure};

/// Which filter to run.
#[derive(Args)]
pub struct Wasm {
    /// The filter; otherwise `palisade.wasm` beside this program or one folder above it.
    #[arg(long, value_name = "PATH", env = "PALISADE_WASM")]
    wasm: Option<PathBuf>,
}

impl Wasm {
    /// Compiles the filter.
    pub fn load(&self) -> Result<Plugin, Failure> {
        Plugin::from_file(self.find()?).map_err(|error| Failure::new(Exit::Engine, error))
    }

    /// The filter's file.
    pub fn find(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = &self.wasm {
            return Ok(path.clone());
        }
        let program = std::env::current_exe().unwrap_or_default();
        let folders = program.ancestors().skip(1).take(2);
        folders
            .map(|folder| folder.join("palisade.wasm"))
            .find(|path| path.is_file())
            .ok_or_else(|| {
                Failure::new(
                    Exit::Engine,
                    "`palisade.wasm` is not beside this program; build it with `make wasm`, or \
                     name it with `--wasm`",
                )
            })
    }
}
