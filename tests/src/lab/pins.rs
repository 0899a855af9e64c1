//! A bpffs of a lab's own: pins in it meet nobody else's, and go with it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Where it is mounted in the lab's directory.
const DIRECTORY: &str = "bpffs";

/// A mounted bpffs, until dropped.
#[derive(Debug)]
pub struct Pins {
    path: PathBuf,
}

impl Pins {
    /// Mounts one in a lab's directory.
    ///
    /// # Errors
    /// If we are not root.
    pub fn mount(directory: &Path) -> Result<Self> {
        let path = directory.join(DIRECTORY);
        fs::create_dir(&path)?;
        mount(
            Some("bpf"),
            &path,
            Some("bpf"),
            MsFlags::empty(),
            Some("mode=0700"),
        )
        .context("cannot mount a bpffs")?;
        Ok(Self { path })
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        if let Err(error) = detach(&self.path) {
            eprintln!("cannot unmount {}: {error}", self.path.display());
        }
    }
}

/// Unmounts what a killed run left in its directory, if it had come so far.
pub(super) fn unmount(directory: &Path) {
    // The common case is that nothing is mounted there; a directory that is busy shows when it is removed.
    let _ = detach(&directory.join(DIRECTORY));
}

fn detach(path: &Path) -> nix::Result<()> {
    umount2(path, MntFlags::MNT_DETACH)
}
