//! The smallest XDP program, `return XDP_PASS`, on a veth.
//!
//! A veth delivers what its peer sends by native `XDP_TX` or redirection only if it has an XDP program itself. It needs
//! no object file: two instructions are loaded by system call.

use std::ffi::{c_int, c_long, c_uint};
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

use anyhow::{Context as _, Result};
use nix::net::if_::if_nametoindex;

use super::namespace::Namespace;

const BPF_PROG_LOAD: c_int = 5;
const BPF_LINK_CREATE: c_int = 28;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;
const XDP_FLAGS_DRV_MODE: u32 = 1 << 2;

/// `r0 = 2` (`XDP_PASS`) and `exit`.
const PASS: [u64; 2] = [0x0000_0002_0000_00b7, 0x95];

/// The head of `union bpf_attr` for `BPF_PROG_LOAD`; the kernel takes the rest for zero.
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    instruction_count: u32,
    instructions: u64,
    license: u64,
}

/// The head of `union bpf_attr` for `BPF_LINK_CREATE`.
#[repr(C)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// The program on an interface, until dropped.
#[derive(Debug)]
pub struct XdpPass {
    _link: OwnedFd,
}

impl XdpPass {
    /// Attaches it in native mode.
    ///
    /// # Errors
    /// If there is no such interface, it has a program, or we are not root.
    pub fn attach(namespace: &Namespace, interface: &str) -> Result<Self> {
        let link = namespace.inside(|| {
            let ifindex = if_nametoindex(interface)?;
            let program = load()?;
            link(&program, ifindex)
        })?;
        let link = link.with_context(|| format!("cannot attach XDP_PASS to {interface}"))?;
        Ok(Self { _link: link })
    }
}

fn load() -> io::Result<OwnedFd> {
    let license = c"GPL";
    bpf(
        BPF_PROG_LOAD,
        &ProgLoad {
            prog_type: BPF_PROG_TYPE_XDP,
            instruction_count: PASS.len() as u32,
            instructions: PASS.as_ptr() as u64,
            license: license.as_ptr() as u64,
        },
    )
}

fn link(program: &OwnedFd, ifindex: c_uint) -> io::Result<OwnedFd> {
    bpf(
        BPF_LINK_CREATE,
        &LinkCreate {
            prog_fd: program.as_raw_fd() as u32,
            target_ifindex: ifindex,
            attach_type: BPF_XDP,
            flags: XDP_FLAGS_DRV_MODE,
        },
    )
}

/// A `bpf(2)` command that makes a file descriptor.
fn bpf<A>(command: c_int, attributes: &A) -> io::Result<OwnedFd> {
    // SAFETY: the kernel reads `size_of::<A>()` bytes of `attributes` and what the addresses in it point to, which its
    // makers above keep alive during the call.
    let fd: c_long = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<A>() as c_uint,
        )
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}
