//! What can go wrong.

use std::fmt;
use std::path::Path;

/// The authority did not do it.
#[derive(Debug)]
pub struct CaError {
    place: String,
    what: String,
}

impl CaError {
    /// An error about what is at `place`.
    pub(super) fn new(place: &Path, what: impl fmt::Display) -> Self {
        Self {
            place: place.display().to_string(),
            what: what.to_string(),
        }
    }
}

impl fmt::Display for CaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.place, self.what)
    }
}

impl std::error::Error for CaError {}
