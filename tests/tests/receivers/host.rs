//! A host beside the balancer, of whom the test is the wire: member or client.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tests::lab::injector::Injector;
use tests::lab::name;
use tests::lab::namespace::Namespace;
use tests::lab::site::{VIP4, VIP6};
use tests::lab::{counters, wait};

use crate::form::Family;

/// Destination, then source MAC address of what comes to a host.
pub(crate) const MACS: [u8; 12] = [2, 0xbe, 0, 0, 0, 1, 2, 0xed, 0, 0, 0, 1];
/// A translated packet's port at the member.
pub(crate) const MEMBER_PORT: u16 = 8443;
/// How long the kernel may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

const PORT: u16 = 443;

/// A client's address, to which the fixtures' kernel knows a way.
pub(crate) fn client(family: Family) -> SocketAddr {
    let ip: IpAddr = match family {
        Family::V4 => Ipv4Addr::new(198, 51, 100, 7).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 7).into(),
    };
    (ip, 40_000).into()
}

/// The VIP that it speaks to.
pub(crate) fn vip(family: Family) -> SocketAddr {
    let ip: IpAddr = match family {
        Family::V4 => VIP4.into(),
        Family::V6 => VIP6.into(),
    };
    (ip, PORT).into()
}

/// The balancer's address and the member's, between which tunnels run.
pub(crate) fn ends(family: Family) -> (IpAddr, IpAddr) {
    match family {
        Family::V4 => (
            Ipv4Addr::new(192, 0, 2, 1).into(),
            Ipv4Addr::new(192, 0, 2, 11).into(),
        ),
        Family::V6 => (
            Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1).into(),
            Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 11).into(),
        ),
    }
}

/// A namespace, and the other end of the cable to it.
pub(crate) struct Host {
    pub(crate) namespace: Namespace,
    injector: Injector,
    _edge: Namespace,
}

impl Host {
    /// With the interface `eth0`, by which everything is reached, and what these lines of `ip` say.
    pub(crate) fn new(lines: &str) -> Result<Self> {
        let name = name::unique();
        let edge = Namespace::new(format!("{name}-edge"))?;
        let namespace = Namespace::new(format!("{name}-host"))?;
        edge.ip(&format!(
            "link add edge0 type veth peer name eth0 netns {}\nlink set edge0 up",
            namespace.name()
        ))?;
        let mac: Vec<_> = MACS[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        namespace.ip(&format!(
            "link set eth0 address {}\n\
             link set eth0 up\n\
             {lines}\n\
             route add default dev eth0\n\
             route add ::/0 dev eth0",
            mac.join(":")
        ))?;
        Ok(Self {
            injector: Injector::open(&edge, "edge0")?,
            namespace,
            _edge: edge,
        })
    }

    /// Puts a frame on the wire.
    pub(crate) fn send(&self, frame: &[u8]) -> Result<()> {
        self.injector.send(frame)
    }

    /// Puts an ICMP error on the wire, again and again until the socket that it concerns says that its peer's port is
    /// closed: an interface that is just up may lose one.
    pub(crate) fn send_until_refused(&self, frame: &[u8], socket: &UdpSocket) -> Result<()> {
        self.wait("a closed port", |host| {
            host.send(frame)?;
            let error = socket.take_error()?.map(|error| error.kind());
            ensure!(
                error.is_none_or(|kind| kind == ErrorKind::ConnectionRefused),
                "another error: {error:?}"
            );
            Ok(error.is_some())
        })?;
        self.nothing_was_wrong()
    }

    /// Waits until something is true of the host.
    pub(crate) fn wait(
        &self,
        what: &str,
        mut is_so: impl FnMut(&Self) -> Result<bool>,
    ) -> Result<()> {
        wait::until_true(PATIENCE, what, || is_so(self)).with_context(|| self.state())
    }

    pub(crate) fn nothing_was_wrong(&self) -> Result<()> {
        let wrong = self.wrong_checksums()?;
        ensure!(wrong == 0, "{wrong} wrong checksums");
        Ok(())
    }

    /// Of every layer.
    pub(crate) fn wrong_checksums(&self) -> Result<u64> {
        Ok(self.counter("Tcp", "InCsumErrors")?
            + self.counter("Udp", "InCsumErrors")?
            + self.counter("Icmp", "InCsumErrors")?
            + self.counter("IpExt", "InCsumErrors")?
            + counters::read_v6(&self.namespace, "Udp6InCsumErrors")?
            + counters::read_v6(&self.namespace, "Icmp6InCsumErrors")?)
    }

    pub(crate) fn counter(&self, protocol: &str, name: &str) -> Result<u64> {
        counters::read(&self.namespace, protocol, name)
    }

    /// What the host's interfaces have seen, for whoever must find out why.
    pub(crate) fn state(&self) -> String {
        let shown = self.namespace.output("ip", &["-stats", "link", "show"]);
        shown.unwrap_or_else(|error| format!("{error:#}"))
    }
}
