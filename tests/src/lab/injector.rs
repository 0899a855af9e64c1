//! A packet socket: frames of a test's own making, put on an interface as they are.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result, ensure};
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::namespace::Namespace;

/// Sends frames on one interface. It hears none.
#[derive(Debug)]
pub struct Injector {
    socket: OwnedFd,
    ifindex: u32,
}

impl Injector {
    /// On an interface of a namespace.
    ///
    /// # Errors
    /// If there is no such interface or we are not root.
    pub fn open(namespace: &Namespace, interface: &str) -> Result<Self> {
        namespace.inside(|| {
            let ifindex = if_nametoindex(interface).with_context(|| interface.to_owned())?;
            // Of no protocol, so that nothing queues up in it.
            let flags = SockFlag::SOCK_CLOEXEC;
            let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)
                .context("cannot open a packet socket")?;
            Ok(Self { socket, ifindex })
        })?
    }

    /// Sends one, from its MAC addresses on.
    ///
    /// # Errors
    /// If the interface is down or the frame too long for it.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        // SAFETY: all of its fields are integers, for which zero is a value.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_ifindex = self.ifindex as i32;
        // SAFETY: the kernel reads the frame and the address, each as long as we say, during the call.
        let sent = unsafe {
            libc::sendto(
                self.socket.as_raw_fd(),
                frame.as_ptr().cast(),
                frame.len(),
                0,
                std::ptr::from_ref(&address).cast(),
                size_of_val(&address) as libc::socklen_t,
            )
        };
        ensure!(
            sent == frame.len() as isize,
            "cannot send a frame: {}",
            io::Error::last_os_error()
        );
        Ok(())
    }
}
