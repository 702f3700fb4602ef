//! Why the simulator could not do as told.

use std::fmt;

use super::process::LogLine;

/// The simulator itself failed, or the module is none that Envoy would load.
#[derive(Debug)]
pub struct HostError(String);

/// The plugin refused a configuration; what was in force before still is.
#[derive(Debug)]
pub struct ConfigureError {
    /// What the plugin logged while it looked at the configuration.
    pub logs: Vec<LogLine>,
    /// The trap, when it refused by trapping.
    pub trap: Option<String>,
}

impl HostError {
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl From<wasmtime::Error> for HostError {
    fn from(error: wasmtime::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for HostError {}

impl fmt::Display for ConfigureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.trap, self.logs.last()) {
            (Some(trap), _) => write!(f, "the plugin trapped: {trap}"),
            (None, Some(line)) => f.write_str(&line.message),
            (None, None) => f.write_str("the plugin refused the configuration"),
        }
    }
}

impl std::error::Error for ConfigureError {}
