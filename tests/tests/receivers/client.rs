//! A host that has asked: it hears replies and what routers say, in sockets that speak to the VIP.

use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result, ensure};
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, SockaddrStorage, bind, socket,
};
use tests::lab::namespace::sysctl;

use crate::form::Family;
use crate::host::{Host, PATIENCE, client, vip};

/// Bytes of an ICMP header, which comes with what a ping hears.
const ICMP_LEN: usize = 8;

/// A client of one family.
pub(crate) struct Client {
    host: Host,
    udp: UdpSocket,
    family: Family,
}

impl Client {
    pub(crate) fn new(family: Family) -> Result<Self> {
        let (own, vip) = (client(family), vip(family));
        let host = Host::new(&format!("addr add {} dev lo", own.ip()))?;
        let udp = host.namespace.inside(|| {
            let socket = UdpSocket::bind(own)?;
            socket.connect(vip)?;
            std::io::Result::Ok(socket)
        })??;
        udp.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { host, udp, family })
    }

    /// The frame is a datagram of the VIP.
    pub(crate) fn receive_datagram(&self, frame: &[u8], payload: &[u8]) -> Result<()> {
        self.host.send(frame)?;
        let mut buffer = [0; 2048];
        let received = self.udp.recv(&mut buffer);
        let length = received.with_context(|| format!("no datagram: {}", self.host.state()))?;
        ensure!(&buffer[..length] == payload, "another payload");
        self.host.nothing_was_wrong()
    }

    /// The frame is a segment of a connection that the client's kernel does not know: it says so.
    pub(crate) fn reset(&self, frame: &[u8]) -> Result<()> {
        self.host.send(frame)?;
        self.host
            .wait("a reset", |host| Ok(host.counter("Tcp", "OutRsts")? > 0))?;
        self.host.nothing_was_wrong()
    }

    /// The frame is an ICMP error about what the client has sent: its socket says that the port is closed.
    pub(crate) fn hear_of_a_closed_port(&self, frame: &[u8]) -> Result<()> {
        self.host.send_until_refused(frame, &self.udp)
    }

    /// The frame is an ICMP error: from now on the client's kernel sends the VIP no longer packets than this.
    pub(crate) fn learn_mtu(&self, frame: &[u8], mtu: u16) -> Result<()> {
        self.host.send(frame)?;
        let vip = vip(self.family).ip().to_string();
        let told = format!("mtu {mtu} ");
        self.host.wait("the path's MTU", |host| {
            let route = host.namespace.output("ip", &["route", "get", &vip])?;
            Ok((route.replace('\n', " ") + " ").contains(&told))
        })?;
        self.host.nothing_was_wrong()
    }

    /// The frame is the answer to a ping with this identification and data.
    pub(crate) fn hear_echo(&self, frame: &[u8], id: u16, data: &[u8]) -> Result<()> {
        let ping = self
            .host
            .namespace
            .inside(|| ping(client(self.family), id))??;
        ping.set_read_timeout(Some(PATIENCE))?;
        self.host.send(frame)?;
        let mut buffer = [0; 2048];
        let received = ping.recv(&mut buffer);
        let length = received.with_context(|| format!("no reply: {}", self.host.state()))?;
        ensure!(buffer.get(ICMP_LEN..length) == Some(data), "other data");
        self.host.nothing_was_wrong()
    }
}

/// A socket that hears the replies to echo requests with this identification.
fn ping(own: SocketAddr, id: u16) -> Result<UdpSocket> {
    // Whoever is of group 0 may have one.
    sysctl("net/ipv4/ping_group_range", "0 0")?;
    let (family, protocol) = match own {
        SocketAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp),
        SocketAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6),
    };
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket: OwnedFd = socket(family, SockType::Datagram, flags, protocol)?;
    let address = SockaddrStorage::from(SocketAddr::new(own.ip(), id));
    bind(socket.as_raw_fd(), &address)?;
    // Receiving is the same for every sort of datagram.
    Ok(socket.into())
}
