//! A refusal and the place it is about. One line, always: what, why, what to do.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a value came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A line of the file, from 1.
    Line(PathBuf, usize),
    /// The file as a whole.
    File(PathBuf),
    /// A flag, as it was typed.
    Flag(String),
    /// File and flags together.
    Nowhere,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(path, line) => write!(f, "{}:{line}: ", path.display()),
            Self::File(path) => write!(f, "{}: ", path.display()),
            Self::Flag(flag) => write!(f, "{flag}: "),
            Self::Nowhere => Ok(()),
        }
    }
}

/// Why a configuration is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigError {
    place: Place,
    reason: String,
}

impl ConfigError {
    /// Line breaks in the reason (a parser's) become spaces.
    pub fn new(place: Place, reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        Self {
            place,
            reason: reason.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }

    /// About a file as a whole.
    pub fn in_file(path: &Path, reason: impl Into<String>) -> Self {
        Self::new(Place::File(path.to_owned()), reason)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.reason)
    }
}

impl std::error::Error for ConfigError {}
