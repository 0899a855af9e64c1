//! A GWM at the size that it is made for: 100 balancers with 1,000 groups and 10,000 members each, every weight
//! another one every second, pushed to all.
//!
//! The state machine and the codec run here without sockets: what a second's work takes of one core, and whether memory
//! stays where it was.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use sasp_ctl::sasp::code::{FLAG_LB, VERSION, lb_flags};
use sasp_ctl::sasp::codec::encode;
use sasp_ctl::sasp::gwm::{Assessment, ConnectionId, Gwm, Policy, WeightChange};
use sasp_ctl::sasp::msg::{
    Body, Group, GroupOf, Member, MemberKey, Message, Name, RegistrationRequest, SetLbStateRequest,
};

const BALANCERS: u64 = 100;
const GROUPS: u32 = 1_000;
const MEMBERS_PER_GROUP: u32 = 10;
/// Seconds of work that are measured.
const ROUNDS: u32 = 10;

pub(crate) fn run() -> Result<()> {
    let mut gwm = Gwm::new(Policy::default());
    let mut now = Instant::now();
    for number in 0..BALANCERS {
        connect(&mut gwm, number, now)?;
    }
    while gwm.poll_event().is_some() {}
    println!(
        "GWM with {BALANCERS} balancers, each with {GROUPS} groups and {} members:",
        GROUPS * MEMBERS_PER_GROUP
    );
    push_all(&mut gwm, now)?;
    let before = resident_kib()?;
    let mut slowest = Duration::ZERO;
    let (mut spent_weights, mut spent_push, mut bytes) = (Duration::ZERO, Duration::ZERO, 0);
    for round in 0..ROUNDS {
        now += Duration::from_secs(1);
        let changes = changes(round)?;
        let started = Instant::now();
        let effect = gwm.update_weights(&changes);
        let updated = started.elapsed();
        ensure!(effect.members as u64 == BALANCERS * u64::from(GROUPS * MEMBERS_PER_GROUP));
        bytes += push_all(&mut gwm, now)?;
        let took = started.elapsed();
        spent_weights += updated;
        spent_push += took - updated;
        slowest = slowest.max(took);
    }
    let per_round = |spent: Duration| spent.as_secs_f64() * 1000.0 / f64::from(ROUNDS);
    println!(
        "  new weights           {:>8.0} ms a second",
        per_round(spent_weights)
    );
    println!(
        "  pushes, encoded       {:>8.0} ms a second ({} MB)",
        per_round(spent_push),
        bytes / u64::from(ROUNDS) / 1_000_000
    );
    println!(
        "  slowest second        {:>8.0} ms",
        slowest.as_secs_f64() * 1000.0
    );
    println!(
        "  resident              {:>8} MiB before, {} MiB after",
        before / 1024,
        resident_kib()? / 1024
    );
    Ok(())
}

fn connect(gwm: &mut Gwm, number: u64, now: Instant) -> Result<()> {
    let id = ConnectionId(number);
    let uid = name(&format!("edge-{number}"))?;
    gwm.handle_connect(id, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 1000), now);
    let state = Body::SetLbStateRequest(SetLbStateRequest {
        lb_uid: uid.clone(),
        health: 0x7f,
        flags: lb_flags::PUSH,
    });
    request(gwm, id, state, now)?;
    for group in 0..GROUPS {
        let items = (0..MEMBERS_PER_GROUP).map(|index| Member {
            key: key(group, index),
            label: Name::default(),
        });
        let register = Body::RegistrationRequest(RegistrationRequest {
            flags: FLAG_LB,
            groups: vec![GroupOf {
                group: Group {
                    lb_uid: uid.clone(),
                    name: group_name(group)?,
                },
                items: items.collect(),
            }],
        });
        request(gwm, id, register, now)?;
    }
    Ok(())
}

fn request(gwm: &mut Gwm, id: ConnectionId, body: Body, now: Instant) -> Result<()> {
    let message = Message {
        version: VERSION,
        id: 1,
        body,
    };
    gwm.handle_frame(id, &encode(&message)?, now);
    while gwm.poll_transmit(id, now).is_some() {}
    Ok(())
}

fn push_all(gwm: &mut Gwm, now: Instant) -> Result<u64> {
    let mut bytes = 0;
    for number in 0..BALANCERS {
        while let Some(message) = gwm.poll_transmit(ConnectionId(number), now) {
            bytes += encode(&message)?.len() as u64;
        }
    }
    Ok(bytes)
}

fn changes(round: u32) -> Result<Vec<WeightChange>> {
    let mut changes = Vec::new();
    for group in 0..GROUPS {
        for index in 0..MEMBERS_PER_GROUP {
            let weight = u16::try_from((round + index) % 64 + 1)?;
            changes.push(WeightChange {
                balancer: None,
                group: group_name(group)?,
                member: key(group, index),
                assessment: Some(Assessment::fixed(weight)),
            });
        }
    }
    Ok(changes)
}

fn group_name(group: u32) -> Result<Name> {
    name(&format!("FARM{group}"))
}

fn key(group: u32, index: u32) -> MemberKey {
    let address = Ipv4Addr::from(0x0a00_0000 + group * 16 + index + 1);
    MemberKey {
        protocol: 6,
        port: 80,
        address: IpAddr::V4(address),
    }
}

fn name(text: &str) -> Result<Name> {
    Name::new(text.as_bytes()).context("a name")
}

fn resident_kib() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    line.trim().trim_end_matches(" kB").parse().context("VmRSS")
}
