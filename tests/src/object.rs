//! The BPF objects, as `cargo xtask build-ebpf` leaves them.

use std::path::Path;
use std::{env, fs};

use anyhow::{Context as _, Result};

/// Reads one, by the name of its binary.
///
/// # Errors
/// If it has not been built.
pub fn read(name: &str) -> Result<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let path = root.join(target).join("bpf").join(name);
    fs::read(&path).with_context(|| format!("{}: run `cargo xtask build-ebpf`", path.display()))
}
