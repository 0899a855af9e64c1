//! Finds a bpffs whose pins outlive whoever made them, or mounts one.
//!
//! A process started by `ip netns exec` has a mount namespace of its own, with a bare sysfs on /sys: a bpffs mounted
//! there would die with the process, and with it every pin. So the bpffs of process 1 is used, by way of
//! /proc/1/root where it cannot be seen directly.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::statfs;

use super::error::Error;

const USUAL: &str = "/sys/fs/bpf";
const OF_PROCESS_1: &str = "/proc/1/root/sys/fs/bpf";
/// `BPF_FS_MAGIC` of linux/magic.h.
const MAGIC: u64 = 0xcafe_4a11;

/// The directory to pin under; mounts a bpffs where there is none.
pub(super) fn find_or_mount(given: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(found) = find(given)? {
        return Ok(found);
    }
    let mounted = thread::spawn(mount_for_process_1)
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the mounting thread panicked")));
    if let Err(error) = mounted {
        return Err(missing(USUAL, format!("mounting one failed ({error})")));
    }
    find(None)?.ok_or_else(|| missing(USUAL, "one was mounted and is not visible".to_owned()))
}

/// The directory to look for pins in, if there is any; `given` must be on a bpffs.
pub(super) fn find(given: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    if let Some(given) = given {
        return match is_bpffs(given) {
            true => Ok(Some(given.to_owned())),
            false => Err(missing(given, "it is something else".to_owned())),
        };
    }
    let usual = Path::new(USUAL);
    if shares_mounts_with_process_1() {
        return Ok(is_bpffs(usual).then(|| usual.to_owned()));
    }
    // Without the right to look at process 1, our own view is all there is.
    let candidates = [Path::new(OF_PROCESS_1), usual];
    Ok(candidates
        .into_iter()
        .find(|path| is_bpffs(path))
        .map(Path::to_owned))
}

fn missing(path: impl Into<PathBuf>, why: String) -> Error {
    Error::NoBpffs {
        path: path.into(),
        why,
    }
}

fn is_bpffs(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| found.filesystem_type().0 as u64 == MAGIC)
}

fn shares_mounts_with_process_1() -> bool {
    match (
        fs::read_link("/proc/self/ns/mnt"),
        fs::read_link("/proc/1/ns/mnt"),
    ) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        // Nobody can tell: take it as the common case.
        _ => true,
    }
}

/// Must run on a thread of its own, which it leaves in the other mount namespace.
fn mount_for_process_1() -> io::Result<()> {
    let namespace = File::open("/proc/1/ns/mnt")?;
    // The kernel moves a thread only if it shares its root and working directory with no other.
    unshare(CloneFlags::CLONE_FS)?;
    setns(namespace, CloneFlags::CLONE_NEWNS)?;
    mount(
        Some("bpf"),
        USUAL,
        Some("bpf"),
        MsFlags::empty(),
        Some("mode=0700"),
    )?;
    Ok(())
}
