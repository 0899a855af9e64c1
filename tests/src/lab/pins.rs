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
    /// What the kernel puts into every bpffs.
    preloaded: Vec<PathBuf>,
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
        let mut pins = Self {
            path,
            preloaded: Vec::new(),
        };
        pins.preloaded = pins.list()?;
        Ok(pins)
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Everything that has been pinned, directories too.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn list(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        let mut directories = vec![self.path.clone()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(directory)? {
                let path = entry?.path();
                if path.is_dir() {
                    directories.push(path.clone());
                }
                if !self.preloaded.contains(&path) {
                    found.push(path);
                }
            }
        }
        Ok(found)
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
