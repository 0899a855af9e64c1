//! Where the workspace and its build output are.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The workspace's root directory.
pub fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package)
}

/// Cargo's target directory: `CARGO_TARGET_DIR`, or `target` in the workspace.
///
/// A relative `CARGO_TARGET_DIR` counts from the workspace root, because a build script runs
/// elsewhere than the cargo that was given it.
pub fn target_dir() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}
