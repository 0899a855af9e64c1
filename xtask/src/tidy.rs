//! `cargo xtask tidy`: rules about the tree that the compiler and clippy do not know.
//!
//! It reads text, not syntax trees: a rule must be simple enough to be seen by eye.
//!
//! * [`layout`]: what the top level holds
//! * [`text`]: every text file
//! * [`source`]: size, documentation and forbidden words of Rust files
//! * [`arrows`]: which part may know which
//! * [`code`]: Rust without its comments and strings

mod arrows;
mod code;
mod layout;
mod source;
#[cfg(test)]
mod tests;
mod text;

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use xtask::workspace;

/// Check sizes, dependency arrows and layout of the sources
#[derive(clap::Args)]
pub(crate) struct Options {}

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: String,
    /// From 1.
    line: usize,
    rule: String,
}

impl Violation {
    fn new(file: &str, line: usize, rule: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            rule: rule.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.rule)
    }
}

pub(crate) fn run(_options: &Options) -> Result<()> {
    let root = workspace::root();
    let mut violations = layout::check(&names(root)?);
    let files = files(root)?;
    for path in &files {
        let name = path.strip_prefix(root).unwrap_or(path).to_string_lossy();
        let bytes = fs::read(path).with_context(|| format!("cannot read {name}"))?;
        // Captures and other binary files have no lines to judge.
        if let Ok(text) = str::from_utf8(&bytes) {
            violations.extend(check(&name, text));
        }
    }
    for violation in &violations {
        eprintln!("{violation}");
    }
    match violations.len() {
        0 => println!("tidy: {} files in order", files.len()),
        count => bail!("tidy: {count} broken rules"),
    }
    Ok(())
}

/// Every rule about one file; its name is relative to the workspace root.
fn check(name: &str, text: &str) -> Vec<Violation> {
    let mut violations = text::check(name, text);
    if name.ends_with(".rs") {
        let code = code::mask(text);
        violations.extend(source::check(name, text, &code));
        violations.extend(arrows::check_source(name, &code));
    }
    if name.ends_with("Cargo.toml") {
        violations.extend(arrows::check_manifest(name, text));
    }
    violations
}

/// All files below a directory, without version control and build output.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for name in names(directory)? {
        let path = directory.join(&name);
        if [".git", "target"].contains(&name.as_str()) {
            continue;
        }
        match path.is_dir() {
            true => files.extend(self::files(&path)?),
            false => files.push(path),
        }
    }
    Ok(files)
}

/// The sorted names in a directory.
fn names(directory: &Path) -> Result<Vec<String>> {
    let names = fs::read_dir(directory).and_then(|entries| {
        entries
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    });
    let mut names: Vec<String> =
        names.with_context(|| format!("cannot list {}", directory.display()))?;
    names.sort();
    Ok(names)
}
