//! What can go wrong with a real Envoy.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// Why Envoy could not be found, started or asked.
#[derive(Debug, thiserror::Error)]
pub enum EnvoyError {
    /// No binary in any of the places.
    #[error(
        "no Envoy binary in `ENVOY`, `.venv` or `PATH`: run `make envoy`, or set `ENVOY` to the path of one"
    )]
    NotFound,
    /// `ENVOY` is set but names nothing that can be run.
    #[error("`ENVOY` names `{0}`, which is not a file: set it to the path of an Envoy binary")]
    NotAFile(PathBuf),
    /// A file or the process could not be handled.
    #[error("cannot {action} `{path}`: {source}")]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Envoy ended before it was ready; most often it refused its configuration.
    #[error("Envoy ended before it was ready ({status}); its last words:\n{log}")]
    ExitedEarly {
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// Envoy runs but does not become ready.
    #[error("Envoy was not ready after {after:?}; its last words:\n{log}")]
    NotReady {
        /// How long was waited.
        after: Duration,
        /// The last lines of its log.
        log: String,
    },
    /// The admin interface did not answer as expected.
    #[error("the admin interface: {0}")]
    Admin(String),
    /// Something that was waited for did not happen.
    #[error("{what} did not happen within {after:?}")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long was waited.
        after: Duration,
    },
}

impl EnvoyError {
    /// The same for every file operation: what, where, why.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
