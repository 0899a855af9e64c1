//! A host that receives: it has the VIPs on loopback, a tunnel device, and servers that are bound to a VIP.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tests::lab::injector::Injector;
use tests::lab::name;
use tests::lab::namespace::Namespace;
use tests::lab::site::{VIP4, VIP6};
use tests::lab::{counters, wait};

use crate::form::{Family, Form, Shim};

/// Destination, then source MAC address of what comes to a member.
pub(crate) const MACS: [u8; 12] = [2, 0xbe, 0, 0, 0, 1, 2, 0xed, 0, 0, 0, 1];

const PORT: u16 = 443;
const PATIENCE: Duration = Duration::from_secs(5);

/// A member that takes one form off, and the balancer's end of the cable to it.
pub(crate) struct Member {
    namespace: Namespace,
    injector: Injector,
    udp: UdpSocket,
    _tcp: TcpListener,
    _edge: Namespace,
}

/// A client's address.
pub(crate) fn client(family: Family) -> SocketAddr {
    let ip: IpAddr = match family {
        Family::V4 => Ipv4Addr::new(198, 51, 100, 7).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0x99).into(),
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

impl Member {
    /// With the form's device, and servers on the VIP of the packets in it.
    pub(crate) fn new(form: &Form) -> Result<Self> {
        let name = name::unique();
        let edge = Namespace::new(format!("{name}-edge"))?;
        let namespace = Namespace::new(format!("{name}-member"))?;
        edge.ip(&format!(
            "link add edge0 type veth peer name eth0 netns {}\nlink set edge0 up",
            namespace.name()
        ))?;
        namespace.ip(&network())?;
        let (_, own) = ends(form.outer);
        for line in form.device {
            namespace
                .ip(&line.replace("{}", &own.to_string()))
                .with_context(|| format!("ip {line}"))?;
        }
        if form.shim != Shim::Dsr {
            namespace.ip("link set tunnel up")?;
        }
        let vip = vip(form.inner);
        let (udp, tcp) = namespace.inside(|| (UdpSocket::bind(vip), TcpListener::bind(vip)))?;
        let udp = udp?;
        udp.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            injector: Injector::open(&edge, "edge0")?,
            namespace,
            udp,
            _tcp: tcp?,
            _edge: edge,
        })
    }

    /// A datagram with this payload comes out of the frame.
    pub(crate) fn receive_datagram(&self, frame: &[u8], payload: &[u8]) -> Result<()> {
        self.injector.send(frame)?;
        let mut buffer = [0; 2048];
        let received = self.udp.recv_from(&mut buffer);
        let (length, _) = received.with_context(|| format!("no datagram: {}", self.state()))?;
        ensure!(&buffer[..length] == payload, "another payload");
        self.nothing_was_wrong()
    }

    /// A SYN comes out of the frame: the listener's kernel answers it.
    pub(crate) fn receive_syn(&self, frame: &[u8]) -> Result<()> {
        let before = self.counter("Tcp", "OutSegs")?;
        self.injector.send(frame)?;
        wait::until_true(PATIENCE, "an answer to the SYN", || {
            Ok(self.counter("Tcp", "OutSegs")? > before)
        })
        .with_context(|| self.state())?;
        self.nothing_was_wrong()
    }

    /// A datagram comes out of the frame, but its checksum is wrong.
    pub(crate) fn refuse_datagram(&self, frame: &[u8]) -> Result<()> {
        self.injector.send(frame)?;
        wait::until_true(PATIENCE, "a wrong checksum to be counted", || {
            Ok(self.wrong_checksums()? == 1)
        })
        .with_context(|| self.state())?;
        self.udp.set_nonblocking(true)?;
        let received = self.udp.recv_from(&mut [0; 2048]);
        let nothing = received.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        ensure!(nothing, "it was handed over all the same");
        Ok(())
    }

    fn nothing_was_wrong(&self) -> Result<()> {
        let wrong = self.wrong_checksums()?;
        ensure!(wrong == 0, "{wrong} wrong checksums");
        Ok(())
    }

    /// Of every layer.
    fn wrong_checksums(&self) -> Result<u64> {
        Ok(self.counter("Tcp", "InCsumErrors")?
            + self.counter("Udp", "InCsumErrors")?
            + self.counter("IpExt", "InCsumErrors")?
            + counters::read_v6(&self.namespace, "Udp6InCsumErrors")?)
    }

    fn counter(&self, protocol: &str, name: &str) -> Result<u64> {
        counters::read(&self.namespace, protocol, name)
    }

    /// What the member's interfaces have seen, for whoever must find out why.
    fn state(&self) -> String {
        let shown = self.namespace.output("ip", &["-stats", "link", "show"]);
        shown.unwrap_or_else(|error| format!("{error:#}"))
    }
}

/// The member's network, but for its tunnel.
fn network() -> String {
    let mac: Vec<_> = MACS[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    let (v4, v6) = (ends(Family::V4).1, ends(Family::V6).1);
    format!(
        "link set eth0 address {}\n\
         link set eth0 up\n\
         addr add {v4}/24 dev eth0\n\
         addr add {v6}/64 dev eth0 nodad\n\
         route add default dev eth0\n\
         route add ::/0 dev eth0\n\
         addr add {VIP4}/32 dev lo\n\
         addr add {VIP6}/128 dev lo nodad",
        mac.join(":")
    )
}
