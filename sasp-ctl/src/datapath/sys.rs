//! bpf(2), for the commands that aya does not offer: batches, deleting from a map of maps, links by their pins.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Numbers of `enum bpf_cmd`.
#[derive(Clone, Copy, Debug)]
#[repr(i32)]
pub(super) enum Command {
    MapLookup = 1,
    MapUpdate = 2,
    MapDelete = 3,
    MapNextKey = 4,
    ObjectGet = 7,
    MapLookupBatch = 24,
    MapUpdateBatch = 26,
    LinkDetach = 34,
}

/// `BPF_NOEXIST`: the key must be new.
pub(super) const NO_EXIST: u64 = 1;

/// The kernel's own "not supported", which is no errno of userspace.
pub(super) const ENOTSUPP: i32 = 524;

/// `union bpf_attr` of the `BPF_MAP_*_ELEM` commands.
#[repr(C)]
#[derive(Default)]
pub(super) struct ElementAttr {
    pub(super) map_fd: u32,
    pub(super) reserved: u32,
    pub(super) key: u64,
    pub(super) value: u64,
    pub(super) flags: u64,
}

/// `union bpf_attr` of the `BPF_MAP_*_BATCH` commands.
#[repr(C)]
#[derive(Default)]
pub(super) struct BatchAttr {
    pub(super) in_batch: u64,
    pub(super) out_batch: u64,
    pub(super) keys: u64,
    pub(super) values: u64,
    pub(super) count: u32,
    pub(super) map_fd: u32,
    pub(super) element_flags: u64,
    pub(super) flags: u64,
}

/// `union bpf_attr` of the `BPF_OBJ_*` commands.
#[repr(C)]
struct ObjectAttr {
    path: u64,
    fd: u32,
    file_flags: u32,
}

/// `union bpf_attr` of `BPF_LINK_DETACH`.
#[repr(C)]
struct LinkAttr {
    fd: u32,
}

/// Calls bpf(2).
///
/// # Safety
/// `attr` must be what `command` expects, and its addresses must lead to memory that the command may read or write.
pub(super) unsafe fn bpf<T>(command: Command, attr: &mut T) -> io::Result<libc::c_long> {
    let attr_ptr = std::ptr::from_mut(attr);
    // SAFETY: `attr` is exclusively ours and as long as we say; the rest is the caller's promise.
    match unsafe { libc::syscall(libc::SYS_bpf, command as i32, attr_ptr, size_of::<T>()) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

/// The interface that a pinned XDP link is attached to; `None` if that interface is gone.
pub(super) fn link_ifindex(pin: &Path) -> io::Result<Option<u32>> {
    let link = open_pin(pin)?;
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", link.as_raw_fd()))?;
    let ifindex = info
        .lines()
        .find_map(|line| line.strip_prefix("ifindex:"))
        .and_then(|value| value.trim().parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an XDP link"))?;
    Ok((ifindex != 0).then_some(ifindex))
}

/// Detaches a pinned link from its interface, at once: when its last user merely goes away, the kernel does so some
/// time later (`bpf_link_put` leaves it to a work queue).
pub(super) fn detach_link(pin: &Path) -> io::Result<()> {
    let link = open_pin(pin)?;
    let mut attr = LinkAttr {
        fd: link.as_raw_fd() as u32,
    };
    // SAFETY: the kernel reads the file descriptor and nothing else.
    unsafe { bpf(Command::LinkDetach, &mut attr) }?;
    Ok(())
}

fn open_pin(pin: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(pin.as_os_str().as_bytes())?;
    let mut attr = ObjectAttr {
        path: path.as_ptr() as u64,
        fd: 0,
        file_flags: 0,
    };
    // SAFETY: the kernel reads a path that ends with a zero byte and lives until the end of this function.
    let fd = unsafe { bpf(Command::ObjectGet, &mut attr) }?;
    // SAFETY: the kernel has just opened it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}
