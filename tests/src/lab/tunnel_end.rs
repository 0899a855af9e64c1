//! The far end of tunnels, for a kernel without tunnel devices: its own stack checks and strips the outer IP header (and
//! UDP's, checksum included), this takes off what is left, and a TUN device gives the packet inside back to the stack.
//!
//! Sockets that take the outer packets: raw ones for IPIP and GRE, UDP for GUE, of both families.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, ensure};
use libc::c_int;

use super::namespace::{Namespace, sysctl};

const DEVICE: &str = "inside";
const GUE_PORT: u16 = 6080;

/// `_IOW('T', 202, int)`.
const TUNSETIFF: libc::Ioctl = 0x4004_54ca_u32 as libc::Ioctl;

/// What arrived behind which outer headers.
#[derive(Debug, Default)]
pub struct Arrived {
    /// IPv4 or IPv6 in IP.
    pub ipip: AtomicU64,
    /// GRE.
    pub gre: AtomicU64,
    /// GUE.
    pub gue: AtomicU64,
    /// None of these, or a header that is not as it should be.
    pub wrong: AtomicU64,
}

/// The end of all tunnels to a host, until dropped.
#[derive(Debug)]
pub struct TunnelEnd {
    /// Packets so far.
    pub arrived: Arc<Arrived>,
    sockets: Vec<Arc<UdpSocket>>,
    threads: Vec<JoinHandle<()>>,
}

/// What is in front of the packet inside when a socket yields it.
#[derive(Clone, Copy, Debug)]
enum Front {
    /// Nothing behind the outer IP header; the packet inside is of this IP version.
    Ip(u8),
    Gre,
    Gue,
}

impl TunnelEnd {
    /// Opens it in a namespace.
    ///
    /// # Errors
    /// If we are not root, or there is no TUN.
    pub fn open(namespace: &Namespace) -> Result<Self> {
        let (device, sockets) = namespace.inside(|| -> Result<_> {
            let device = tun().context("cannot make a TUN device")?;
            for interface in ["all", DEVICE] {
                sysctl(&format!("net/ipv4/conf/{interface}/rp_filter"), "0")?;
            }
            Ok((device, sockets().context("cannot open the outer sockets")?))
        })??;
        namespace.ip(&format!("link set {DEVICE} up"))?;
        let arrived = Arc::new(Arrived::default());
        let mut end = Self {
            arrived: Arc::clone(&arrived),
            sockets: Vec::new(),
            threads: Vec::new(),
        };
        for (socket, has_ip_header, front) in sockets {
            let socket = Arc::new(socket);
            end.sockets.push(Arc::clone(&socket));
            let (device, arrived) = (device.try_clone()?, Arc::clone(&arrived));
            end.threads.push(thread::spawn(move || {
                receive(&socket, has_ip_header, front, device, &arrived);
            }));
        }
        Ok(end)
    }
}

impl Drop for TunnelEnd {
    fn drop(&mut self) {
        for socket in &self.sockets {
            // Says that it is not connected, and wakes who waits for it all the same.
            // SAFETY: a descriptor that is open.
            unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_RD) };
        }
        for thread in self.threads.drain(..) {
            if thread.join().is_err() && !thread::panicking() {
                panic!("the end of a tunnel has panicked");
            }
        }
    }
}

fn receive(
    socket: &UdpSocket,
    has_ip_header: bool,
    front: Front,
    mut device: File,
    arrived: &Arrived,
) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let received = match socket.recv(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(received) => &buffer[..received],
        };
        let outer = if has_ip_header {
            usize::from(received[0] & 0x0f) * 4
        } else {
            0
        };
        let counter = match front {
            Front::Ip(_) => &arrived.ipip,
            Front::Gre => &arrived.gre,
            Front::Gue => &arrived.gue,
        };
        // A packet that the stack does not want shows where it is missed.
        match opened(&received[outer..], front).map(|inside| device.write_all(inside)) {
            Some(Ok(())) => counter.fetch_add(1, Ordering::Relaxed),
            _ => arrived.wrong.fetch_add(1, Ordering::Relaxed),
        };
    }
}

/// The packet inside, if what is in front of it is right.
fn opened(payload: &[u8], front: Front) -> Option<&[u8]> {
    let (version, inside) = match front {
        Front::Ip(version) => (version, payload),
        Front::Gre => match payload.split_first_chunk::<4>()? {
            ([0, 0, 0x08, 0x00], inside) => (4, inside),
            ([0, 0, 0x86, 0xdd], inside) => (6, inside),
            _ => return None,
        },
        Front::Gue => match payload.split_first_chunk::<4>()? {
            ([0, 4, 0, 0], inside) => (4, inside),
            ([0, 41, 0, 0], inside) => (6, inside),
            _ => return None,
        },
    };
    (inside.first()? >> 4 == version).then_some(inside)
}

/// All sockets, whether what they yield begins with the outer IP header, and what comes then.
fn sockets() -> Result<Vec<(UdpSocket, bool, Front)>> {
    let mut sockets = Vec::new();
    for (protocol, front) in [(4, Front::Ip(4)), (41, Front::Ip(6)), (47, Front::Gre)] {
        sockets.push((raw(libc::AF_INET, protocol)?, true, front));
        sockets.push((raw(libc::AF_INET6, protocol)?, false, front));
    }
    // An IPv6 socket that takes IPv4 too would not let another have the port.
    let v4 = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, GUE_PORT))?;
    let v6 = only_v6()?;
    sockets.extend([(v4, false, Front::Gue), (v6, false, Front::Gue)]);
    Ok(sockets)
}

fn raw(family: c_int, protocol: c_int) -> io::Result<UdpSocket> {
    socket(family, libc::SOCK_RAW, protocol).map(UdpSocket::from)
}

fn socket(family: c_int, kind: c_int, protocol: c_int) -> io::Result<OwnedFd> {
    // SAFETY: no memory is touched.
    let fd = unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, protocol) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn only_v6() -> Result<UdpSocket> {
    let socket = socket(libc::AF_INET6, libc::SOCK_DGRAM, 0)?;
    nix::sys::socket::setsockopt(&socket, nix::sys::socket::sockopt::Ipv6V6Only, &true)?;
    let any = std::net::SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, GUE_PORT, 0, 0);
    nix::sys::socket::bind(
        socket.as_raw_fd(),
        &nix::sys::socket::SockaddrIn6::from(any),
    )?;
    Ok(socket.into())
}

fn tun() -> Result<File> {
    let device = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/net/tun")?;
    let mut name = [0_i8; libc::IFNAMSIZ];
    for (to, from) in name.iter_mut().zip(DEVICE.bytes()) {
        *to = from as i8;
    }
    // SAFETY: integers and unions of such, for which zero is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name = name;
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as i16;
    // SAFETY: the kernel reads and writes one `ifreq`, which lives here.
    let failed = unsafe { libc::ioctl(device.as_raw_fd(), TUNSETIFF, &raw mut request) } != 0;
    ensure!(!failed, "TUNSETIFF: {}", io::Error::last_os_error());
    Ok(device)
}
