//! How a command fails: one line and an exit code.

use std::fmt;

use crate::config::ConfigError;
use crate::datapath;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage or configuration: exit code 2.
    Usage(String),
    /// It was tried and failed: exit code 1.
    Failed(String),
    /// Whoever read our output has gone. Not a failure: exit code 0, nothing printed.
    OutputClosed,
}

impl Failure {
    /// A failure with its causes, in one line.
    pub fn failed(error: impl fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<datapath::Error> for Failure {
    fn from(error: datapath::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(format!("{error:#}"))
    }
}
