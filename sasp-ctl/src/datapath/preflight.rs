//! What must be true of kernel and process before anything is tried, so that the error names the cause and not the
//! first system call that failed.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use caps::{CapSet, Capability};
use nix::libc::RLIM_INFINITY;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::error::Error;

/// The oldest that is tested (`cargo xtask test --kernels`). What cannot be done without, bpf_link for XDP, came with
/// 5.9 (aa8d3a716b59).
const KERNEL: (u32, u32) = (5, 10);
const KERNEL_TEXT: &str = "5.10";

/// The first that does not count what maps may hold as locked memory (755e5d55367a).
const LOCKS_NOTHING: (u32, u32) = (5, 11);

/// `PROC_USER_INIT_INO` of linux/proc_ns.h.
const INITIAL_USER_NAMESPACE: u64 = 0xEFFF_FFFD;

/// In the order in which they are asked for. The verifier lets only CAP_PERFMON compare pointers, as every bounds check
/// of a packet does.
const CAPABILITIES: [(Capability, &str); 3] = [
    (Capability::CAP_BPF, "CAP_BPF"),
    (Capability::CAP_NET_ADMIN, "CAP_NET_ADMIN"),
    (Capability::CAP_PERFMON, "CAP_PERFMON"),
];

/// Checks the kernel's version and this thread's capabilities, and makes room for the maps where they need it.
pub(super) fn check() -> Result<(), Error> {
    let release = kernel_release();
    check_kernel(&release)?;
    check_user_namespace()?;
    // CAP_SYS_ADMIN stands in for CAP_BPF and CAP_PERFMON.
    let admin = has(Capability::CAP_SYS_ADMIN);
    for (capability, name) in CAPABILITIES {
        let implied = admin && capability != Capability::CAP_NET_ADMIN;
        if !implied && !has(capability) {
            return Err(Error::MissingCapability(name));
        }
    }
    if is_before(&release, LOCKS_NOTHING) {
        unlimit_locked_memory(release)?;
    }
    Ok(())
}

/// Before the daemon gives up the right to do so; tables need memory later, too.
fn unlimit_locked_memory(release: String) -> Result<(), Error> {
    let limited = getrlimit(Resource::RLIMIT_MEMLOCK).map(|(soft, _)| soft != RLIM_INFINITY);
    let unlimited = || setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    if limited.unwrap_or(true) && unlimited().is_err() {
        return Err(Error::LockedMemory { release });
    }
    Ok(())
}

/// Capabilities of another user namespace look like any others, but the kernel does not count them for BPF.
fn check_user_namespace() -> Result<(), Error> {
    // Without /proc nobody knows; then the kernel says so later, in other words.
    match fs::metadata("/proc/self/ns/user") {
        Ok(namespace) if namespace.ino() != INITIAL_USER_NAMESPACE => Err(Error::UserNamespace),
        _ => Ok(()),
    }
}

fn has(capability: Capability) -> bool {
    // A thread may always read its own capabilities; if it cannot, the kernel will refuse what follows.
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(true)
}

fn kernel_release() -> String {
    // uname(2) fails on a bad pointer only.
    nix::sys::utsname::uname()
        .map(|name| name.release().to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Refuses what is certainly too old.
fn check_kernel(release: &str) -> Result<(), Error> {
    if is_before(release, KERNEL) {
        return Err(Error::OldKernel {
            found: release.to_owned(),
            needed: KERNEL_TEXT,
        });
    }
    Ok(())
}

/// Whether a release is certainly older than a version; one that nobody can read is not.
fn is_before(release: &str, version: (u32, u32)) -> bool {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map_while(|part| part.parse::<u32>().ok());
    let numbers = numbers.next().zip(numbers.next());
    numbers.is_some_and(|found| found < version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_older_than_the_oldest_supported_is_refused_by_name() {
        for release in ["5.9.16", "5.4.0", "4.19.0-26-amd64"] {
            let error = check_kernel(release).unwrap_err().to_string();
            assert!(
                error.contains(release) && error.contains(KERNEL_TEXT),
                "{error}"
            );
        }
    }

    #[test]
    fn newer_kernels_and_unreadable_versions_pass() {
        for release in [
            "5.10.0-46-cloud-amd64",
            "5.14.0-427.el9.x86_64",
            "6.1.0-13-amd64",
            "10.0",
            "",
            "next",
        ] {
            check_kernel(release).unwrap();
        }
    }
}
