//! From the arrival of Send Weights to the first packet under the new table, for one group of 100 members: the real
//! daemon in a namespace, a scripted GWM, and real packets over veth.
//!
//! The members are neighbour entries only; nobody answers, and only the destination MAC of what the balancer sends
//! back matters.

mod gwm;
mod wire;

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use tests::lab::balancer::Balancer;
use tests::lab::site::{Site, VIP4};

use self::gwm::ScriptedGwm;
use self::wire::Wire;

const MEMBERS: u8 = 100;
const CHANGES: usize = 30;
/// Between changes. A GWM does not push faster, and the daemon spends some milliseconds after each publication waiting
/// until no packet is under way with the old table.
const PAUSE: Duration = Duration::from_millis(100);
/// Client ports that are tried.
const PORTS: Range<u16> = 1024..1200;
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) fn run() -> Result<()> {
    let site = Site::new(0)?;
    let mut neighbours = String::new();
    for member in 0..MEMBERS {
        let (address, mac) = (address(member), hex_mac(member));
        writeln!(
            neighbours,
            "neigh replace {address} lladdr {mac} dev eth0 nud permanent"
        )?;
    }
    site.edge.namespace.ip(&neighbours)?;
    let mut gwm = site
        .gwm
        .namespace
        .inside(|| ScriptedGwm::listen(site.gwm.ipv4()))??;
    let balancer = Balancer::attach(&site, &config(&site)?, &[])?;
    gwm.accept(&weights(0))?;
    let edge_mac = wire::mac_of(&site.edge)?;
    let wire = site
        .client
        .namespace
        .inside(|| Wire::open(&site.client, edge_mac))??;
    let port = moving_port(&mut gwm, &wire)?;
    let mut took: Vec<Duration> = (0..CHANGES)
        .map(|turn| {
            std::thread::sleep(PAUSE);
            let before = wire.member_of(port)?;
            let start = Instant::now();
            gwm.send(&weights((turn + 1) % 2))?;
            until_moved(&wire, port, before)?;
            Ok(start.elapsed())
        })
        .collect::<Result<_>>()?;
    took.sort_unstable();
    let ms = |at: usize| took[at].as_secs_f64() * 1e3;
    println!(
        "Send Weights for {MEMBERS} members to first packet under the new table: \
         {:.1} ms median, {:.1} best, {:.1} worst of {CHANGES}",
        ms(CHANGES / 2),
        ms(0),
        ms(CHANGES - 1)
    );
    balancer.stop()
}

/// A client port whose flow moves with every change; the first set of weights is in force then.
fn moving_port(gwm: &mut ScriptedGwm, wire: &Wire) -> Result<u16> {
    let start = probe(wire)?;
    gwm.send(&weights(1))?;
    let second = settled(wire, &start)?;
    gwm.send(&weights(0))?;
    let first = settled(wire, &second)?;
    PORTS
        .zip(first.iter().zip(&second))
        .find_map(|(port, (first, second))| (first != second).then_some(port))
        .context("no flow moved with the weights")
}

/// The member that each port reaches.
fn probe(wire: &Wire) -> Result<Vec<u8>> {
    PORTS.map(|port| wire.member_of(port)).collect()
}

/// Members of all ports once they are others than before and no more change: one table, not two halves.
fn settled(wire: &Wire, before: &[u8]) -> Result<Vec<u8>> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = probe(wire)?;
    loop {
        let now = probe(wire)?;
        if now == last && now != before {
            return Ok(now);
        }
        ensure!(
            Instant::now() < deadline,
            "the table did not change in {PATIENCE:?}"
        );
        last = now;
    }
}

fn until_moved(wire: &Wire, port: u16, before: u8) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while wire.member_of(port)? == before {
        ensure!(
            Instant::now() < deadline,
            "the table did not change in {PATIENCE:?}"
        );
    }
    Ok(())
}

/// Two sets of weights in which no member has the same share.
fn weights(which: usize) -> Vec<u16> {
    let rising = (0..MEMBERS).map(|member| u16::from(member) + 1);
    if which == 0 {
        rising.collect()
    } else {
        rising.rev().collect()
    }
}

fn config(site: &Site) -> Result<String> {
    let mut config = format!(
        "[[gwm]]\naddress = \"{}\"\n[[service]]\ngroup = \"FARM1\"\nvip = \"{VIP4}:80/tcp\"\nmembers = [\n",
        site.gwm.ipv4()
    );
    for member in 0..MEMBERS {
        writeln!(config, "  {{ address = \"{}:80\" }},", address(member))?;
    }
    config.push_str("]\n");
    Ok(config)
}

fn address(member: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, 101 + member)
}

fn hex_mac(member: u8) -> String {
    format!("02:00:00:00:01:{member:02x}")
}
