//! The BPF objects, as `cargo xtask build-ebpf` leaves them.

use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};

/// Reads one, by the name of its binary.
///
/// # Errors
/// If it has not been built.
pub fn read(name: &str) -> Result<Vec<u8>> {
    let path = target_directory().join("bpf").join(name);
    fs::read(&path).with_context(|| format!("{}: run `cargo xtask build-ebpf`", path.display()))
}

/// Cargo's target directory of the workspace.
pub fn target_directory() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(target)
}
