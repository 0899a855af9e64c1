//! QEMU and busybox: the system's, or else unpacked beside the kernels. Nothing is installed.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use super::archive::Archive;

const QEMU: &str = "qemu-system-x86_64";
const BUSYBOX: &str = "busybox";

/// What guests are made and run with.
#[derive(Debug)]
pub(super) struct Tools {
    pub(super) busybox: PathBuf,
    qemu: PathBuf,
    /// Where unpacked tools lie.
    root: PathBuf,
}

impl Tools {
    /// Finds them, or unpacks what is missing.
    pub(super) fn find(directory: &Path) -> Result<Self> {
        let root = directory.join("tools");
        let find = |program: &str| {
            let unpacked = ["usr/bin", "bin"].map(|place| root.join(place));
            let path = env::var_os("PATH").unwrap_or_default();
            env::split_paths(&path)
                .chain(unpacked)
                .map(|place| place.join(program))
                .find(|path| path.is_file())
        };
        if find(QEMU).is_none() || find(BUSYBOX).is_none() {
            println!("kernels: fetching QEMU and busybox");
            ensure!(!root.exists(), "{} is not whole: remove it", root.display());
            let archive = Archive::of_the_system(&directory.join("tools-apt"))?;
            archive.unpack_with_needs(&["qemu-system-x86", "busybox-static"], &root)?;
        }
        match (find(QEMU), find(BUSYBOX)) {
            (Some(qemu), Some(busybox)) => Ok(Self {
                busybox,
                qemu,
                root,
            }),
            _ => anyhow::bail!("the distribution's packages have no {QEMU} or no {BUSYBOX}"),
        }
    }

    /// QEMU, with its libraries and firmware wherever they are.
    pub(super) fn qemu(&self) -> Command {
        let mut command = Command::new(&self.qemu);
        if self.qemu.starts_with(&self.root) {
            command.env(
                "LD_LIBRARY_PATH",
                self.root.join("usr/lib/x86_64-linux-gnu"),
            );
            for data in ["usr/share/qemu", "usr/share/seabios"] {
                command.arg("-L").arg(self.root.join(data));
            }
        }
        command
    }
}
