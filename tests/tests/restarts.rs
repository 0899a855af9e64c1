//! From the death of a daemon until the next one runs, and while its config is read again, nothing that packets read is
//! worse than before, and none of them is lost.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use aya::maps::{Array, ArrayOfMaps, Map, MapData, PerCpuArray};
use sasp_xdp_common::abi::backend::{Backend, Index};
use sasp_xdp_common::abi::counters::{Class, Reason};
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::slot::Table;
use tests::lab::balancer::done;
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::servers::Server;
use tests::lab::site::{Host, Site, VIP4};

const GROUP: &str = "FARM1";
const ROUNDS: usize = 10;
/// Each waits for its answer before it speaks again: no queue on the way can run over.
const CLIENTS: usize = 16;
/// More than there are records of.
const BACKENDS: usize = 16;
/// Longer than any answer can take: who waits so long has lost a packet.
const LOST: Duration = Duration::from_secs(10);

/// Leaves some of the machine to the daemon that starts.
const PAUSE: Duration = Duration::from_millis(1);
/// An address of the edge that full-nat may use.
const POOL: &str = "192.0.2.250";
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5300);

fn vip() -> SocketAddr {
    (VIP4, 5300).into()
}

#[test]
fn neither_restarts_nor_reloads_take_anything_from_packets() {
    nothing_is_taken("dsr", vip(), "");
}

#[test]
fn nor_from_those_that_are_translated() {
    nothing_is_taken("nat", ANY, "");
}

#[test]
fn nor_from_those_that_are_translated_both_ways() {
    let pool = format!("[balancer]\nfull_nat = {{ addresses = [\"{POOL}\"] }}\n");
    nothing_is_taken("full-nat", ANY, &pool);
}

/// Members listen on `listen`.
fn nothing_is_taken(forward: &str, listen: SocketAddr, balancer: &str) {
    let mut farm = Farm::new(3).unwrap();
    let serve = |member: &Host| Server::udp(&member.namespace, listen, &member.name).unwrap();
    let _servers: Vec<_> = farm.site.members.iter().map(serve).collect();
    if forward != "dsr" {
        farm.site.route_by_edge(POOL).unwrap();
    }
    let entry = |member: &Host| format!("{{ address = \"{}\" }}", member.address_for(vip()));
    let members: Vec<_> = farm.site.members.iter().map(entry).collect();
    let forward = format!("forward = \"{forward}\"");
    let service = config::service_of(GROUP, vip(), "udp", &members.join(", "), &forward);
    let config = format!("{balancer}{service}");
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(vip(), &[1, 1, 1]).unwrap();
    let client = &farm.site.client.namespace;
    let sockets: Vec<_> = (0..CLIENTS)
        .map(|_| client.inside(|| UdpSocket::bind(("0.0.0.0", 0))))
        .map(|socket| socket.unwrap().unwrap())
        .collect();
    let maps = Maps::open(&farm.site).unwrap();
    let before = maps.look().unwrap();
    assert_eq!(before.backends.len(), 3, "{:?}", before.backends);
    let passed_by = maps.passed_by().unwrap();

    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| maps.watch(&before, &stop));
        let talks: Vec<_> = sockets
            .iter()
            .map(|socket| scope.spawn(|| talk(socket, &stop)))
            .collect();
        for _ in 0..ROUNDS {
            farm.kill_balancer().unwrap();
            farm.attach(&config, &[]).unwrap();
            done(&farm.site, &["reload"]).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        let looks = watch.join().unwrap().unwrap();
        let answers: Vec<_> = talks
            .into_iter()
            .map(|talk| talk.join().unwrap().unwrap())
            .collect();
        println!("{looks} looks, {answers:?} answers");
        assert!(looks > 1000);
        assert!(answers.iter().all(|count| *count > 100));
    });
    assert_eq!(maps.passed_by().unwrap(), passed_by, "packets went astray");
}

/// Asks until told to stop; how many answers there were.
fn talk(socket: &UdpSocket, stop: &AtomicBool) -> Result<u64> {
    socket.set_read_timeout(Some(LOST))?;
    let mut answers = 0;
    while !stop.load(Ordering::Relaxed) {
        socket.send_to(b"who?", vip())?;
        let mut answer = [0; 64];
        match socket.recv(&mut answer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                bail!("a packet was lost after {answers} answers")
            }
            result => result?,
        };
        answers += 1;
        thread::sleep(PAUSE);
    }
    Ok(answers)
}

/// What packets read, as far as it must stay.
#[derive(PartialEq, Debug)]
struct Look {
    /// Of each backend that packets are sent to: generation, interface and MAC addresses.
    backends: BTreeMap<u32, (u32, u32, [u8; 12])>,
    /// Of each slot.
    owners: Vec<Index>,
}

struct Maps {
    backends: Array<MapData, Backend>,
    tables: ArrayOfMaps<MapData, Array<MapData, Table>>,
    reasons: PerCpuArray<MapData, u64>,
}

impl Maps {
    fn open(site: &Site) -> Result<Self> {
        let pinned = site.pinned()?;
        let open = |name: &str| -> Result<Map> {
            let path = pinned.iter().find(|path| path.ends_with(name));
            let path: &Path = path.with_context(|| format!("no pin {name}"))?;
            Ok(Map::from_map_data(MapData::from_pin(path)?)?)
        };
        Ok(Self {
            backends: open(names::BACKENDS)?.try_into()?,
            tables: open(names::TABLES)?.try_into()?,
            reasons: open(names::REASONS)?.try_into()?,
        })
    }

    fn look(&self) -> Result<Look> {
        let mut backends = BTreeMap::new();
        for (index, record) in (0_u32..).zip(self.backends.iter().take(BACKENDS)) {
            let record = record?;
            if record.usable() {
                let way = (record.generation, record.ifindex, record.macs);
                backends.insert(index, way);
            }
        }
        let table = self.tables.get(&0, 0)?.get(&0, 0)?;
        let owners = table.iter().map(|slot| slot.cur()).collect();
        Ok(Look { backends, owners })
    }

    /// Looks again and again until told to stop; how often.
    fn watch(&self, before: &Look, stop: &AtomicBool) -> Result<u64> {
        let mut looks = 0;
        while !stop.load(Ordering::Relaxed) {
            let now = self.look()?;
            ensure!(
                now.backends == before.backends,
                "{:?}, not {:?}",
                now.backends,
                before.backends
            );
            ensure!(now.owners == before.owners, "slots have other owners");
            looks += 1;
        }
        Ok(looks)
    }

    /// Packets to the VIP that went to no member.
    fn passed_by(&self) -> Result<u64> {
        let lost = Reason::ALL
            .iter()
            .filter(|reason| reason.class() == Class::Drop);
        let counts =
            lost.map(|reason| Ok(self.reasons.get(&(*reason as u32), 0)?.iter().sum::<u64>()));
        counts.sum::<Result<u64>>()
    }
}
