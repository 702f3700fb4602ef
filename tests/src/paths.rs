//! Where things are in a checkout.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::Error;

/// The top of the checkout that this was built from.
pub fn repository() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// The filter: the file that `PALISADE_WASM` names, else `target/palisade.wasm`.
///
/// # Errors
/// When it is not there, with the command that makes it.
pub fn wasm() -> Result<PathBuf, Error> {
    let path = env::var_os("PALISADE_WASM")
        .map_or_else(|| repository().join("target/palisade.wasm"), PathBuf::from);
    if path.is_file() {
        return Ok(path);
    }
    Err(format!(
        "there is no filter at `{}`: run `make wasm`",
        path.display()
    )
    .into())
}
