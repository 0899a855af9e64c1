//! The text that values came from. Flags are given offsets behind the end of the file, so that a value from either
//! carries a plain span and every message can name its place.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use super::error::{ConfigError, Place};

pub(crate) struct Source {
    path: PathBuf,
    text: String,
    flags: Vec<String>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: String) -> Self {
        Self {
            path: path.to_owned(),
            text,
            flags: Vec::new(),
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Notes a flag as typed; values made by `Spanned::new` with the span that is returned belong to it.
    pub(crate) fn flag(&mut self, name: &str, value: &str) -> Range<usize> {
        let offset = self.text.len() + 1 + self.flags.len();
        self.flags.push(format!("{name} {value}"));
        offset..offset
    }

    /// A path as written in the file: relative ones start where the file is.
    pub(crate) fn resolve(&self, path: &str) -> PathBuf {
        match self.path.parent() {
            Some(directory) => directory.join(path),
            None => PathBuf::from(path),
        }
    }

    /// The file as a whole.
    pub(crate) fn file(&self) -> Place {
        Place::File(self.path.clone())
    }

    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        match span.start.checked_sub(self.text.len() + 1) {
            Some(flag) => Place::Flag(self.flags[flag].clone()),
            None => Place::Line(self.path.clone(), self.line(span.start)),
        }
    }

    /// An error about a value.
    pub(crate) fn error<T>(&self, value: &Spanned<T>, reason: impl Into<String>) -> ConfigError {
        ConfigError::new(self.place(value.span()), reason)
    }

    /// Where a value stood, for a message about another one.
    pub(crate) fn also<T>(&self, value: &Spanned<T>) -> String {
        match self.place(value.span()) {
            Place::Line(_, line) => format!("line {line}"),
            Place::Flag(flag) => flag,
            Place::File(_) | Place::Nowhere => unreachable!("a span lies in a line or in a flag"),
        }
    }

    fn line(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset.min(self.text.len())]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
    }
}
