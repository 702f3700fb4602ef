//! Why nothing is rendered.

use palisade_filter::ConfigError;

use crate::source::{Object, SourceError};

/// Why nothing is rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// An object is wrong; with its file and line.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What was asked for cannot be had.
    #[error("{0}")]
    Request(String),
    /// A file cannot be written.
    #[error("cannot write `{path}`: {error}")]
    Write {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
}

impl RenderError {
    /// An error at a field of an object.
    pub fn in_object(object: &Object, error: &ConfigError) -> Self {
        Self::Source(object.error(error.path(), error))
    }

    /// An error of a whole object.
    pub fn of(object: &Object, path: &str, message: impl Into<String>) -> Self {
        Self::in_object(object, &ConfigError::new(path, message))
    }
}
