//! Packets per second: short frames go over one cable to the box and, forwarded, come back over it.
//!
//! ```text
//!   outside                           box
//!   generator ──► eth0 ═════════════ eth0 ──► contender
//!        sink ◄──                         ◄──
//! ```
//!
//! The members are neighbour entries of the box; the sink knows a forwarded frame by its destination. What arrives
//! outside is counted by the core that sent it: the box's own, which is the same for all.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aya::maps::{MapData, PerCpuArray};
use aya::{Ebpf, EbpfLoader};
use tempfile::TempDir;
use tests::lab::name;
use tests::lab::namespace::Namespace;
use tests::lab::pins::Pins;
use tests::lab::site::{self, VIP4};
use tests::object;

use super::contenders::{Contender, Kind};
use super::edge::{self, Edge};
use super::generator::{Generator, SOURCE};

/// The VIP's port, UDP.
pub(super) const PORT: u16 = 80;
/// Where the packets come from.
pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 100);
const EDGE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const MEMBERS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 11), Ipv4Addr::new(192, 0, 2, 12)];
/// Until caches and connection tracking know the flows.
const WARM_UP: Duration = Duration::from_millis(200);

/// Two namespaces and the cable between them.
struct Wire {
    outside: Namespace,
    edge: Namespace,
    sink: Ebpf,
    pins: Pins,
    directory: TempDir,
}

/// Packets per second that a contender forwards, in namespaces of its own.
pub(super) fn measure(contender: &Contender, time: Duration) -> Result<f64> {
    let wire = Wire::new()?;
    let edge = Edge {
        namespace: &wire.edge,
        directory: wire.directory.path(),
        protocol: "udp",
        vip: SocketAddr::from((VIP4, PORT)),
        address: EDGE,
        members: &MEMBERS,
    };
    let sasp_ctl = wire.sasp_ctl()?;
    let _running = edge.start(contender.kind, sasp_ctl)?;
    let generator = Generator::start(&wire.outside)?;
    thread::sleep(WARM_UP);
    let (before, start) = (wire.arrived()?, Instant::now());
    thread::sleep(time);
    let (after, took) = (wire.arrived()?, start.elapsed());
    generator.stop()?;
    let by_receiver: Vec<_> = after
        .iter()
        .zip(&before)
        .map(|(after, before)| after - before)
        .collect();
    let receivers: Vec<usize> = match contender.kind {
        Kind::Bare => vec![SOURCE.into()],
        _ => MEMBERS.map(|member| member.octets()[3].into()).into(),
    };
    for receiver in &receivers {
        ensure!(
            by_receiver[*receiver] > 0,
            "nothing arrived for receiver {receiver} of {receivers:?}"
        );
    }
    let packets: u64 = receivers
        .iter()
        .map(|receiver| by_receiver[*receiver])
        .sum();
    Ok(packets as f64 / took.as_secs_f64())
}

impl Wire {
    fn new() -> Result<Self> {
        let name = name::unique();
        let directory = tempfile::Builder::new().prefix(&name).tempdir()?;
        let outside = Namespace::new(format!("{name}-outside"))?;
        let edge = Namespace::new(format!("{name}-edge"))?;
        outside.ip(&format!(
            "link add eth0 type veth peer name eth0 netns {}",
            edge.name()
        ))?;
        for (namespace, address, number) in [(&outside, CLIENT, 0x64), (&edge, EDGE, 1)] {
            namespace.ip(&format!(
                "link set eth0 address 02:00:00:00:00:{number:02x}\nlink set eth0 up\naddr add {address}/24 dev eth0"
            ))?;
        }
        edge.ip(&format!(
            "addr add {VIP4}/32 dev eth0\n\
             neigh replace {CLIENT} lladdr 02:00:00:00:00:64 dev eth0 nud permanent"
        ))?;
        // Frames that no socket has sent go to a veth with NAPI only: it has that with GRO, or with native XDP.
        edge.output("ethtool", &["-K", "eth0", "gro", "on"])?;
        for member in MEMBERS {
            let last = member.octets()[3];
            edge.ip(&format!(
                "neigh replace {member} lladdr 02:00:00:00:01:{last:02x} dev eth0 nud permanent"
            ))?;
        }
        let mut sink = EbpfLoader::new().load(&object::read("sasp-xdp-bench")?)?;
        edge::attach(&mut sink, "sink", &outside)?;
        Ok(Self {
            pins: Pins::mount(directory.path())?,
            outside,
            edge,
            sink,
            directory,
        })
    }

    fn sasp_ctl(&self) -> Result<std::process::Command> {
        let mut command = self.edge.command(site::program("sasp-ctl")?)?;
        command
            .env("SASP_CTL_RUN_DIR", self.directory.path().join("run"))
            .env("SASP_CTL_BPFFS", self.pins.path());
        Ok(command)
    }

    /// Forwarded frames so far, by the last byte of their destination.
    fn arrived(&self) -> Result<Vec<u64>> {
        let map = self.sink.map("ARRIVED").context("no map ARRIVED")?;
        let arrived: PerCpuArray<&MapData, u64> = PerCpuArray::try_from(map)?;
        (0..arrived.len())
            .map(|last| Ok(arrived.get(&last, 0)?.iter().sum()))
            .collect()
    }
}
