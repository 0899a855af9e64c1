//! What lies where on the bpffs, and how a set of pins comes and goes as a whole.
//!
//! ```text
//! <bpffs>/sasp-ctl/<instance>/v<ABI>/           one complete set of maps,
//!                                    table_…    a table per service (see `tables`),
//!                                    link_…     and a link per interface
//!                             new/              maps on their way to become v<ABI>: no links yet
//!                             old/              on its way out
//! ```
//! A rename makes a set valid or invalid in one step, so whoever is killed in between leaves either a whole set or
//! rubbish under a name that says so.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sasp_xdp_common::abi;

use super::error::Error;
use super::options::Instance;
use super::sys;

const PRODUCT: &str = "sasp-ctl";
const NEW: &str = "new";
const OLD: &str = "old";
const LINK: &str = "link_";

/// The pins of one instance.
#[derive(Debug)]
pub(super) struct Pins {
    bpffs: PathBuf,
    instance: PathBuf,
}

impl Pins {
    /// Those of `instance` on a bpffs, whether there are any or not.
    pub(super) fn new(bpffs: &Path, instance: &Instance) -> Self {
        Self {
            bpffs: bpffs.to_owned(),
            instance: bpffs.join(PRODUCT).join(escape(instance.as_str())),
        }
    }

    /// Where they are.
    pub(super) fn bpffs(&self) -> &Path {
        &self.bpffs
    }

    /// Directory of the maps and links of this ABI version.
    pub(super) fn current(&self) -> PathBuf {
        self.instance.join(version_name(abi::VERSION))
    }

    /// True if there is a set of pins of this version. Says so if there is one of another version: its maps cannot
    /// be understood, and its links occupy the interfaces.
    pub(super) fn has_current(&self) -> Result<bool, Error> {
        let ours = version_name(abi::VERSION);
        let names = entries(&self.instance)?;
        match names.iter().find(|name| **name != ours && is_version(name)) {
            Some(other) => Err(Error::OtherVersion {
                path: self.instance.join(other),
            }),
            None => Ok(names.contains(&ours)),
        }
    }

    /// Removes what an interrupted attach or detach has left.
    pub(super) fn clear_leftovers(&self) -> Result<(), Error> {
        for name in [NEW, OLD] {
            if remove_set(&self.instance.join(name))? {
                tracing::info!(directory = name, "removed what an interrupted run had left");
            }
        }
        Ok(())
    }

    /// Makes the current set: `pin` fills a directory, which then becomes the set in one step.
    pub(super) fn create(&self, pin: impl FnOnce(&Path) -> Result<(), Error>) -> Result<(), Error> {
        let new = self.instance.join(NEW);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&new)
            .map_err(Error::file("create", &new))?;
        pin(&new)?;
        fs::rename(&new, self.current()).map_err(Error::file("rename", &new))
    }

    /// Pins of links, with the name and index of the interface when the link was made.
    pub(super) fn links(&self) -> Result<Vec<LinkPin>, Error> {
        links_in(&self.current())
    }

    /// Where to pin the link of an interface.
    pub(super) fn link(&self, name: &str, ifindex: u32) -> PathBuf {
        self.current()
            .join(format!("{LINK}{ifindex}_{}", escape(name)))
    }

    /// Removes everything, whatever it is; true if there was anything.
    pub(super) fn remove(&self) -> Result<bool, Error> {
        let mut found = self.instance.is_dir();
        for name in entries(&self.instance)? {
            if is_version(&name) {
                remove_set(&self.instance.join(OLD))?;
                let version = self.instance.join(&name);
                let old = self.instance.join(OLD);
                fs::rename(&version, &old).map_err(Error::file("rename", &version))?;
                remove_set(&old)?;
            } else {
                found |= remove_anything(&self.instance.join(name))?;
            }
        }
        remove_directory(&self.instance)?;
        if let Some(product) = self.instance.parent() {
            remove_directory(product)?;
        }
        Ok(found)
    }
}

/// A pinned link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct LinkPin {
    /// Where it is pinned.
    pub(super) path: PathBuf,
    /// Index of the interface when it was attached.
    pub(super) ifindex: u32,
    /// Name of the interface when it was attached.
    pub(super) interface: String,
}

/// The instances that have a directory, with their links by interface.
pub(super) fn instances(bpffs: &Path) -> Result<Vec<(Instance, Vec<LinkPin>)>, Error> {
    let product = bpffs.join(PRODUCT);
    let mut found = Vec::new();
    for name in directories(&product)? {
        let Ok(instance) = Instance::new(&unescape(&name)) else {
            continue;
        };
        let mut links = Vec::new();
        for set in directories(&product.join(&name))? {
            links.extend(links_in(&product.join(&name).join(set))?);
        }
        links.sort_by(|a, b| a.interface.cmp(&b.interface));
        found.push((instance, links));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// Every link of every instance.
pub(super) fn all_links(bpffs: &Path) -> Result<Vec<(Instance, LinkPin)>, Error> {
    let links = instances(bpffs)?
        .into_iter()
        .flat_map(|(instance, links)| links.into_iter().map(move |link| (instance.clone(), link)));
    Ok(links.collect())
}

fn links_in(directory: &Path) -> Result<Vec<LinkPin>, Error> {
    let link = |name: String| {
        let (ifindex, interface) = name.strip_prefix(LINK)?.split_once('_')?;
        Some(LinkPin {
            path: directory.join(&name),
            ifindex: ifindex.parse().ok()?,
            interface: unescape(interface),
        })
    };
    Ok(entries(directory)?.into_iter().filter_map(link).collect())
}

/// Detaches and removes a pinned link.
pub(super) fn remove_link(pin: &Path) -> Result<(), Error> {
    if let Err(error) = sys::detach_link(pin) {
        // Whatever it is, it is in the way; a link detaches some time after its pin is gone.
        tracing::warn!(
            "{} does not detach ({error}): removing its pin",
            pin.display()
        );
    }
    fs::remove_file(pin).map_err(Error::file("remove", pin))
}

/// Removes a directory of pins: links first, so that no program runs on maps that nobody can find any more.
fn remove_set(directory: &Path) -> Result<bool, Error> {
    let (links, others): (Vec<_>, Vec<_>) = entries(directory)?
        .into_iter()
        .partition(|name| name.starts_with(LINK));
    for name in links {
        let path = directory.join(name);
        match is_real_directory(&path) {
            true => drop(remove_set(&path)?),
            false => remove_link(&path)?,
        }
    }
    for name in others {
        remove_anything(&directory.join(name))?;
    }
    remove_directory(directory)
}

/// Removes whatever has that name: what is none of ours is in the way all the same.
fn remove_anything(path: &Path) -> Result<bool, Error> {
    if is_real_directory(path) {
        return remove_set(path);
    }
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(said) => Err(Error::file("remove", path)(said)),
    }
}

/// A symbolic link to a directory is none: what it leads to is not ours.
fn is_real_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// Removes an empty directory; true if it was there. One that is not empty stays: it belongs to others too.
fn remove_directory(directory: &Path) -> Result<bool, Error> {
    match fs::remove_dir(directory) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
        Err(source) => Err(Error::file("remove", directory)(source)),
    }
}

/// Names of the directories in a directory.
fn directories(directory: &Path) -> Result<Vec<String>, Error> {
    let mut names = entries(directory)?;
    names.retain(|name| directory.join(name).is_dir());
    Ok(names)
}

/// Names in a directory; none if it does not exist.
fn entries(directory: &Path) -> Result<Vec<String>, Error> {
    let read = match fs::read_dir(directory) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(Error::file("read", directory)(source)),
    };
    read.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()
        .map_err(Error::file("read", directory))
}

fn version_name(version: u32) -> String {
    format!("v{version}")
}

fn is_version(name: &str) -> bool {
    name.strip_prefix('v')
        .is_some_and(|number| number.parse::<u32>().is_ok())
}

/// A file name for any name: bpffs refuses dots, which VLAN interfaces have in theirs.
fn escape(name: &str) -> String {
    name.replace('%', "%25").replace('.', "%2e")
}

fn unescape(name: &str) -> String {
    name.replace("%2e", ".").replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_dots_and_percents_survives_being_a_file_name() {
        for name in ["eth0", "eth0.100", "a%2eb", "100%", "..x"] {
            let escaped = escape(name);
            assert!(!escaped.contains('.'), "{escaped}");
            assert_eq!(unescape(&escaped), name);
        }
    }

    #[test]
    fn only_a_number_behind_a_v_names_a_version() {
        assert!(is_version("v1") && is_version("v23"));
        assert!(!is_version("v") && !is_version("new") && !is_version("vx") && !is_version("1"));
    }
}
