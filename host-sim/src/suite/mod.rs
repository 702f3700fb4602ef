//! Policy test suites (`palisade test`): files `*_test.yaml` and `*_test.json`.

mod check;
mod expect;
mod read;
mod request;
mod token;
mod verdict;

pub use check::{Difference, check};
pub use expect::Expect;
pub use token::{TokenError, mint};

use std::path::{Path, PathBuf};

use crate::engine::{Request, Setup};
use crate::source::{SourceError, Sources};

/// A suite: tests of one set of policies.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Its file.
    pub file: String,
    /// Its name.
    pub name: String,
    /// The policies, with their places.
    pub sources: Sources,
    /// The tests, in order.
    pub tests: Vec<Test>,
}

/// One request and what is expected of it.
#[derive(Clone, Debug)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// Why it does not run.
    pub skip: Option<String>,
    /// What surrounds the request.
    pub setup: Setup,
    /// The request.
    pub request: Request,
    /// What is expected.
    pub expect: Expect,
}

impl Suite {
    /// Reads the suite in the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, is not in the format, or a key or policy that it names cannot be
    /// read.
    pub fn load(path: &Path) -> Result<Self, SourceError> {
        read::read(path)
    }
}

/// The suites in files and below folders, in the order of their names.
///
/// # Errors
/// When a folder cannot be read.
pub fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, SourceError> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() {
            below(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let problem =
        |error: std::io::Error| SourceError::new(folder.display().to_string(), error.to_string());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(problem)? {
        entries.push(entry.map_err(problem)?.path());
    }
    entries.sort();
    for path in entries {
        if path.is_dir() {
            below(&path, found)?;
        } else if is_suite(&path) {
            found.push(path);
        }
    }
    Ok(())
}

fn is_suite(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    [".yaml", ".yml", ".json"].iter().any(|extension| {
        name.strip_suffix(extension)
            .is_some_and(|stem| stem.ends_with("_test"))
    })
}
