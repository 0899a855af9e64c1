//! ICMP echo, so that no `ping` need be installed.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

use super::namespace::{Namespace, sysctl};

const TIMEOUT: Duration = Duration::from_secs(2);
/// Types of echo request and reply, in ICMP (RFC 792) and ICMPv6 (RFC 4443).
const ECHO_V4: (u8, u8) = (8, 0);
const ECHO_V6: (u8, u8) = (128, 129);

/// Sends one echo request from a namespace and waits for the reply.
///
/// # Errors
/// If there is none within two seconds.
pub fn ping(from: &Namespace, to: IpAddr) -> Result<()> {
    from.inside(|| {
        // Group 0 may open ICMP sockets, to which the kernel adds checksum and identifier.
        sysctl("net/ipv4/ping_group_range", "0 0")?;
        echo(to).with_context(|| format!("ping {to}"))
    })?
}

fn echo(to: IpAddr) -> Result<()> {
    let (family, protocol, (request, reply)) = match to {
        IpAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp, ECHO_V4),
        IpAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6, ECHO_V6),
    };
    let socket = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, protocol)?;
    // An ICMP socket is used like a UDP socket; ports are ignored.
    let socket = UdpSocket::from(socket);
    socket.set_read_timeout(Some(TIMEOUT))?;
    socket.connect(SocketAddr::new(to, 0))?;
    socket.send(&[request, 0, 0, 0, 0, 0, 0, 1, b'p', b'i', b'n', b'g'])?;
    let mut answer = [0; 64];
    let length = socket.recv(&mut answer)?;
    ensure!(
        answer[0] == reply && answer[..length].ends_with(b"ping"),
        "{answer:?}"
    );
    Ok(())
}
