//! How the command ends.

use std::fmt;
use std::process::ExitCode;

use host_sim::engine::EngineError;
use host_sim::source::SourceError;

/// The exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is well.
    Ok = 0,
    /// A test failed; or, where asked for, the request was denied.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// A policy or suite is invalid.
    Invalid = 3,
    /// The engine itself failed.
    Engine = 4,
}

/// An error that ends the command.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub exit: Exit,
    message: String,
}

impl Failure {
    /// A failure with this exit status.
    pub fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self {
            exit,
            message: message.to_string(),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::new(Exit::Invalid, error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(_) => Self::new(Exit::Invalid, error),
            EngineError::Failed(_) => Self::new(Exit::Engine, error),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
