//! A kernel of the distribution, unpacked and kept.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::{archive::Archive, series::Series};

#[cfg(test)]
mod tests;

/// Kernels for virtual machines: fewer drivers, the same network and BPF.
const FLAVOUR: &str = "-cloud-amd64";

/// An unpacked kernel.
#[derive(Debug)]
pub(super) struct Kernel {
    /// As `uname -r` says it.
    pub(super) release: String,
    /// What QEMU boots.
    pub(super) image: PathBuf,
    /// Its modules, `kernel/…` below it.
    pub(super) modules: PathBuf,
}

/// The series' kernel: what a former run has unpacked, or else the newest that the archive has.
pub(super) fn kernel(series: &Series, directory: &Path) -> Result<Kernel> {
    let root = directory.join("kernel");
    if !root.exists() {
        println!("kernels: fetching Linux {}", series.version);
        fetch(series, directory, &root)
            .with_context(|| format!("cannot get Linux {}", series.version))?;
    }
    unpacked(&root).with_context(|| format!("{} is not a whole kernel: remove it", root.display()))
}

fn fetch(series: &Series, directory: &Path, root: &Path) -> Result<()> {
    let archive = Archive::open(&directory.join("apt"), series.suites)?;
    let names = archive.names(&format!("^linux-image-[0-9].*{FLAVOUR}$"))?;
    let image =
        newest(&names, series.version).with_context(|| format!("{:?} have none", series.suites))?;
    let release = image.trim_start_matches("linux-image-");
    let mut packages = archive.dependencies(image)?;
    // Newer kernels come in several packages of their release.
    packages.retain(|name| name.ends_with(release));
    packages.push(image.to_owned());
    archive.unpack(&packages, root)
}

/// The package of the newest release of a series.
fn newest<'a>(names: &'a [String], version: &str) -> Option<&'a str> {
    let prefix = format!("linux-image-{version}.");
    names
        .iter()
        .map(String::as_str)
        .filter(|name| name.starts_with(&prefix))
        // 6.12-cloud-amd64 and the like only depend on a release.
        .max_by_key(|name| numbers(name.trim_end_matches(FLAVOUR)))
}

/// The numbers in a version, which order kernels.
pub(super) fn numbers(version: &str) -> Vec<u64> {
    version
        .split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

fn unpacked(root: &Path) -> Result<Kernel> {
    let modules = ["usr/lib/modules", "lib/modules"]
        .map(|place| root.join(place))
        .into_iter()
        .find(|path| path.exists())
        .context("it has no modules")?;
    let release = fs::read_dir(&modules)?
        .next()
        .context("it has no modules")??
        .file_name()
        .into_string()
        .ok()
        .context("its release is not text")?;
    let modules = modules.join(&release);
    let image = [
        root.join(format!("boot/vmlinuz-{release}")),
        modules.join("vmlinuz"),
    ]
    .into_iter()
    .find(|path| path.exists())
    .context("it has no vmlinuz")?;
    Ok(Kernel {
        release,
        image,
        modules,
    })
}
