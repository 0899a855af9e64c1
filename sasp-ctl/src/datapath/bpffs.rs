//! Finds a bpffs whose pins outlive whoever made them, or mounts one.
//!
//! A process started by `ip netns exec` has a mount namespace of its own, with a bare sysfs on /sys: a bpffs mounted
//! there would die with the process, and with it every pin. So we look through the eyes of our ancestors, the oldest
//! first: process 1 or, where the kernel does not let us look at that, the service manager or shell that started all,
//! or, if that has left us alone, whoever has been there for longest.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process;
use std::thread;

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statfs::{Statfs, statfs};

use super::error::Error;

const USUAL: &str = "/sys/fs/bpf";
/// `BPF_FS_MAGIC` of linux/magic.h.
const MAGIC: u64 = 0xcafe_4a11;

/// The directory to pin under; mounts a bpffs where there is none.
pub(super) fn find_or_mount(given: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(found) = find(given)? {
        return Ok(found);
    }
    let mounted = thread::spawn(mount_for_all)
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the mounting thread panicked")));
    if let Err(error) = mounted {
        return Err(missing(
            USUAL,
            &format!("mounting one failed ({error})"),
            true,
        ));
    }
    find(None)?.ok_or_else(|| missing(USUAL, "one was mounted and is not visible", true))
}

/// The directory to look for pins in, if there is any; `given` must be on a bpffs.
pub(super) fn find(given: Option<&Path>) -> Result<Option<PathBuf>, Error> {
    if let Some(given) = given {
        return match statfs(given) {
            Ok(found) if is_magic(&found) => Ok(Some(given.to_owned())),
            Ok(_) => Err(missing(given, "another file system is there", true)),
            Err(Errno::ENOENT) => Err(missing(given, "there is no such directory: make it", true)),
            Err(error) => Err(missing(
                given,
                &format!("it cannot be looked at ({}): run as root", error.desc()),
                false,
            )),
        };
    }
    let ours = fs::read_link("/proc/thread-self/ns/mnt").ok();
    let views = eyes().into_iter().filter_map(|pid| {
        let theirs = fs::read_link(mount_namespace(pid)).ok()?;
        Some(match ours.as_ref() == Some(&theirs) {
            true => PathBuf::from(USUAL),
            false => PathBuf::from(format!("/proc/{pid}/root{USUAL}")),
        })
    });
    // Whoever has dropped capabilities may look at none of them: then our own view is all there is.
    Ok(views
        .chain([PathBuf::from(USUAL)])
        .find(|path| is_bpffs(path)))
}

/// Holds on to a bpffs, however it was found; [`path_of`] leads to it for as long as the handle lives.
pub(super) fn hold(bpffs: &Path) -> Result<File, Error> {
    File::open(bpffs).map_err(Error::file("open", bpffs))
}

/// The path to a bpffs that is held: through ourselves, which is always allowed.
pub(super) fn path_of(held: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()))
}

fn missing(path: impl Into<PathBuf>, why: &str, mounting_helps: bool) -> Error {
    let path = path.into();
    let why = match mounting_helps {
        true => format!(
            "{why}; mount one with `mount -t bpf bpf {}`",
            path.display()
        ),
        false => why.to_owned(),
    };
    Error::NoBpffs { path, why }
}

fn is_bpffs(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| is_magic(&found))
}

fn is_magic(found: &Statfs) -> bool {
    found.filesystem_type().0 as u64 == MAGIC
}

/// Processes whose view of the mounts may be the host's, the best first: our ancestors, then everybody.
fn eyes() -> Vec<u32> {
    let mut pids = ancestors();
    pids.pop();
    let everybody = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut everybody: Vec<u32> = everybody
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    everybody.sort_unstable();
    pids.extend(everybody);
    pids
}

/// This process and those that it descends from, the oldest first.
fn ancestors() -> Vec<u32> {
    let mut pids = vec![process::id()];
    while let Some(parent) = pids.last().and_then(|pid| parent(*pid)) {
        pids.push(parent);
    }
    pids.reverse();
    pids
}

fn parent(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    // 0 stands for whatever lies outside our PID namespace.
    parent.trim().parse().ok().filter(|pid| *pid != 0)
}

fn mount_namespace(pid: u32) -> String {
    format!("/proc/{pid}/ns/mnt")
}

/// Mounts where the first whose view we may share sees it. Must run on a thread of its own, which it leaves in
/// that mount namespace.
fn mount_for_all() -> io::Result<()> {
    let namespace = eyes()
        .into_iter()
        .find_map(|pid| File::open(mount_namespace(pid)).ok())
        .ok_or(io::ErrorKind::PermissionDenied)?;
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
