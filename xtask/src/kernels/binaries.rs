//! The test binaries that run in the guests: those that `cargo xtask test` runs here.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::series::PARTS;
use crate::host;

/// Builds them; gives each part's binary by its name.
pub(super) fn build() -> Result<Vec<(&'static str, PathBuf)>> {
    println!("==> test binaries");
    let mut command = host::cargo("test");
    command.args(host::ALL).args(["--all-features", "--no-run"]);
    for part in &PARTS {
        command.args(["--test", part.test]);
    }
    let output = command
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "the tests do not build; the compiler's own messages are above"
    );
    let messages = String::from_utf8_lossy(&output.stdout);
    let path = |test: &'static str| {
        let path = messages
            .lines()
            .find_map(|message| executable(message, test));
        Ok((
            test,
            path.with_context(|| format!("cargo built no test {test}"))?,
        ))
    };
    PARTS.iter().map(|part| path(part.test)).collect()
}

/// The path, if the message announces that test's binary.
fn executable(message: &str, test: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_it = message["target"]["name"] == test && message["target"]["kind"][0] == "test";
    is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
}
