//! Rendered files, and how they come onto the disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::RenderError;

/// Rendered files by their path below the output folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files(BTreeMap<PathBuf, String>);

impl Files {
    /// Adds a file.
    pub fn insert(&mut self, path: impl Into<PathBuf>, text: String) {
        self.0.insert(path.into(), text);
    }

    /// Adds the files of another set.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Each file's path and text, in the order of the paths.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.0
            .iter()
            .map(|(path, text)| (path.as_path(), text.as_str()))
    }

    /// Writes those that are not there already, and says how many. Every file is complete before
    /// it gets its name; Envoy reloads what is moved into a folder that it watches. Clusters come
    /// before the listeners that use them.
    ///
    /// # Errors
    /// [`RenderError::Write`] when the system refuses.
    pub fn write(&self, folder: &Path) -> Result<usize, RenderError> {
        let mut written = 0;
        for last in [false, true] {
            let is_last = |path: &Path| path.ends_with("lds.yaml");
            for (path, text) in self.iter().filter(|(path, _)| is_last(path) == last) {
                let path = folder.join(path);
                let same = fs::read(&path).is_ok_and(|old| old == text.as_bytes());
                if !same {
                    replace(&path, text)?;
                    written += 1;
                }
            }
        }
        Ok(written)
    }
}

fn replace(path: &Path, text: &str) -> Result<(), RenderError> {
    let failed = |error| RenderError::Write {
        path: path.display().to_string(),
        error,
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)?;
    NamedTempFile::persist(file, path).map_err(|error| failed(error.error))?;
    Ok(())
}
