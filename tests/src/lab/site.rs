//! The hosts of a site, on one segment: client, edge, GWM and members.
//!
//! ```text
//!   client      edge        gwm       member 1   member 2 …
//!  .100 │      .1 │       .2 │          .11 │       .12 │      192.0.2.0/24, 2001:db8:1::/64
//!  ─────┴─────────┴──────────┴──────────────┴───────────┴───   the segment: a bridge in a namespace of its own
//! ```
//!
//! The edge owns the VIPs towards ARP and neighbour discovery; members have them on loopback and keep silent about
//! them (direct server return). Nobody routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::name;
use super::namespace::{Namespace, sysctl};
use super::pins::Pins;
use super::xdp_pass::XdpPass;

/// IPv4 VIP.
pub const VIP4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 10);
/// IPv6 VIP.
pub const VIP6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x10);

const CLIENT: u8 = 100;
const EDGE: u8 = 1;
const GWM: u8 = 2;
const FIRST_MEMBER: u8 = 11;

/// A host: a namespace with one interface, `eth0`.
#[derive(Debug)]
pub struct Host {
    /// Where its processes run.
    pub namespace: Namespace,
    /// What people call it: `client`, `member-1`.
    pub name: String,
    number: u8,
}

impl Host {
    /// Its address on the segment.
    pub fn ipv4(&self) -> Ipv4Addr {
        Ipv4Addr::new(192, 0, 2, self.number)
    }

    /// Its address on the segment.
    pub fn ipv6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, self.number.into())
    }

    /// Of the VIP's family.
    pub fn address_for(&self, vip: SocketAddr) -> SocketAddr {
        let ip: IpAddr = if vip.is_ipv4() {
            self.ipv4().into()
        } else {
            self.ipv6().into()
        };
        (ip, vip.port()).into()
    }

    /// The name of its cable's other end.
    fn port(&self) -> String {
        format!("to-{}", self.name)
    }
}

/// A site. Dropping it removes the namespaces with all processes inside, and whatever was pinned.
#[derive(Debug)]
pub struct Site {
    /// Sends requests.
    pub client: Host,
    /// Runs the balancer.
    pub edge: Host,
    /// Runs the GWM.
    pub gwm: Host,
    /// Run servers.
    pub members: Vec<Host>,
    segment: Namespace,
    _pass: XdpPass,
    pins: Pins,
    directory: TempDir,
    name: String,
}

impl Site {
    /// Builds one with as many members.
    ///
    /// # Errors
    /// If we are not root, or `ip` or `ethtool` is missing.
    pub fn new(members: u8) -> Result<Self> {
        let name = name::unique();
        let directory = tempfile::Builder::new().prefix(&name).tempdir()?;
        let segment = Namespace::new(format!("{name}-segment"))?;
        segment.ip("link add bridge type bridge\nlink set bridge up")?;
        let host = |kind: &str, number| host(&name, &segment, kind, number);
        let client = host("client", CLIENT)?;
        let edge = host("edge", EDGE)?;
        let gwm = host("gwm", GWM)?;
        let members = (1..=members)
            .map(|count| host(&format!("member-{count}"), FIRST_MEMBER + count - 1))
            .collect::<Result<Vec<_>>>()?;
        client.namespace.ip(&format!(
            "route add {VIP4}/32 dev eth0\nroute add {VIP6}/128 dev eth0"
        ))?;
        edge.namespace.ip(&format!(
            "addr add {VIP4}/32 dev eth0\naddr add {VIP6}/128 dev eth0 nodad"
        ))?;
        for member in &members {
            answer_for_vip(member)?;
        }
        let pass = XdpPass::attach(&segment, &edge.port())?;
        Ok(Self {
            client,
            edge,
            gwm,
            members,
            segment,
            _pass: pass,
            pins: Pins::mount(directory.path())?,
            directory,
            name,
        })
    }

    /// Its name, with which the names of its namespaces begin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A directory for files of its processes.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// Pulls a host's cable out, or puts it back.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn plug(&self, host: &Host, connected: bool) -> Result<()> {
        let state = if connected { "up" } else { "down" };
        self.segment
            .ip(&format!("link set {} {state}", host.port()))
    }

    /// Connects one more namespace to the segment, by an interface `eth0` of it that is down yet.
    ///
    /// # Errors
    /// What `ip` or `ethtool` says.
    pub fn join(&self, namespace: &Namespace, port: &str) -> Result<()> {
        join(&self.segment, namespace, port)
    }

    /// Makes the edge a router between the client and the members, as whoever translates replies must be, with an address
    /// more, for a pool. The IPv4 VIP is none of its addresses then: it forwards nothing that seems to come from itself.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn route_by_edge(&self, pool: &str) -> Result<()> {
        let edge = &self.edge.namespace;
        edge.ip(&format!(
            "addr del {VIP4}/32 dev eth0\naddr add {pool}/32 dev eth0"
        ))?;
        edge.inside(|| {
            sysctl("net/ipv4/ip_forward", "1")?;
            // It must not show members the short way to clients.
            sysctl("net/ipv4/conf/all/send_redirects", "0")?;
            sysctl("net/ipv4/conf/eth0/send_redirects", "0")
        })??;
        let by_edge = |to| format!("route replace {to}/32 via {}", self.edge.ipv4());
        self.client.namespace.ip(&by_edge(VIP4))?;
        self.members
            .iter()
            .try_for_each(|member| member.namespace.ip(&by_edge(self.client.ipv4())))
    }

    /// A command that runs `sasp-ctl` on a host. Its pins, sockets and locks are this site's own: it meets no balancer
    /// of the machine or of other tests.
    ///
    /// # Errors
    /// If it has not been built.
    pub fn sasp_ctl(&self, host: &Host) -> Result<Command> {
        let mut command = host.namespace.command(program("sasp-ctl")?)?;
        command
            .env("SASP_CTL_RUN_DIR", self.run_directory())
            .env("SASP_CTL_BPFFS", self.pins.path());
        Ok(command)
    }

    /// Where the control sockets and locks of its balancers are.
    pub fn run_directory(&self) -> PathBuf {
        self.file("run")
    }

    /// The control socket of a balancer on the edge's first interface.
    pub fn socket(&self) -> PathBuf {
        self.run_directory().join("eth0.sock")
    }

    /// Everything that its balancers have left pinned.
    ///
    /// # Errors
    /// If the bpffs cannot be read.
    pub fn pinned(&self) -> Result<Vec<PathBuf>> {
        self.pins.list()
    }
}

fn host(site: &str, segment: &Namespace, name: &str, number: u8) -> Result<Host> {
    let host = Host {
        namespace: Namespace::new(format!("{site}-{name}"))?,
        name: name.to_owned(),
        number,
    };
    join(segment, &host.namespace, &host.port())?;
    host.namespace.ip(&format!(
        "link set eth0 address 02:00:00:00:00:{number:02x}\n\
         link set eth0 up\n\
         addr add {}/24 dev eth0\n\
         addr add {}/64 dev eth0 nodad",
        host.ipv4(),
        host.ipv6()
    ))?;
    Ok(host)
}

fn join(segment: &Namespace, namespace: &Namespace, port: &str) -> Result<()> {
    segment.ip(&format!(
        "link add {port} type veth peer name eth0 netns {}\n\
         link set {port} master bridge up",
        namespace.name()
    ))?;
    // A veth leaves checksums to a network card that never comes; native XDP would forward them unfinished.
    namespace
        .output("ethtool", &["-K", "eth0", "tx", "off"])
        .with_context(|| format!("{}: checksum offload", namespace.name()))?;
    Ok(())
}

/// The VIPs on loopback, unknown to the segment.
fn answer_for_vip(member: &Host) -> Result<()> {
    member.namespace.inside(|| {
        sysctl("net/ipv4/conf/all/arp_ignore", "1")?;
        sysctl("net/ipv4/conf/all/arp_announce", "2")
    })??;
    member.namespace.ip(&format!(
        "addr add {VIP4}/32 dev lo\naddr add {VIP6}/128 dev lo nodad"
    ))
}

/// The path of a program that the workspace builds, beside the one that runs.
///
/// # Errors
/// If it has not been built.
pub fn program(name: &str) -> Result<PathBuf> {
    let running = std::env::current_exe()?;
    running
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not built: run `cargo build`"))
}
