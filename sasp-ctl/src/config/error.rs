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

/// Characters of a reason. It quotes what was typed, which may be of any length; the advice stands at its end.
const REASON_HEAD: usize = 200;
const REASON_TAIL: usize = 400;

impl ConfigError {
    /// Line breaks in the reason (a parser's) become spaces. What was typed may be long or steer a terminal: the middle
    /// of what is too long is left out, and control characters are escaped.
    pub fn new(place: Place, reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        let words: Vec<_> = reason.split_whitespace().collect();
        Self {
            place,
            reason: escaped(&shortened(&words.join(" "))),
        }
    }

    /// About a file as a whole.
    pub fn in_file(path: &Path, reason: impl Into<String>) -> Self {
        Self::new(Place::File(path.to_owned()), reason)
    }
}

fn shortened(reason: &str) -> String {
    let count = reason.chars().count();
    if count <= REASON_HEAD + REASON_TAIL {
        return reason.to_owned();
    }
    let head: String = reason.chars().take(REASON_HEAD).collect();
    let tail: String = reason.chars().skip(count - REASON_TAIL).collect();
    format!("{head} ... {tail}")
}

/// The text with control characters escaped, so that nothing in it steers a terminal.
pub(crate) fn escaped(text: &str) -> String {
    let escape = |char: char| match char.is_control() {
        true => char.escape_debug().to_string(),
        false => char.to_string(),
    };
    text.chars().map(escape).collect()
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.reason)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_that_cannot_steer_a_terminal() {
        let reason = "unknown key `\u{1b}]0;x\u{7}`:\n  remove\tit";
        let error = ConfigError::new(Place::Nowhere, reason);
        assert_eq!(
            error.to_string(),
            r"unknown key `\u{1b}]0;x\u{7}`: remove it"
        );
    }

    #[test]
    fn what_was_typed_at_length_is_cut_but_not_the_advice() {
        let reason = format!("{:?} is unknown: write \"keep\"", "\u{e4}".repeat(100_000));
        let line = ConfigError::new(Place::Nowhere, reason).to_string();
        assert!(line.chars().count() < 700, "{} characters", line.len());
        assert!(line.starts_with("\"\u{e4}"), "{line}");
        assert!(line.ends_with("is unknown: write \"keep\""), "{line}");
    }
}
