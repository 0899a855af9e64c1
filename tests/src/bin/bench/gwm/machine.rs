//! The state machine and the codec alone, without sockets: what a second's work takes of one core.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use sasp_ctl::sasp::code::VERSION;
use sasp_ctl::sasp::codec::encode;
use sasp_ctl::sasp::gwm::{Assessment, ConnectionId, Gwm, Policy, WeightChange};
use sasp_ctl::sasp::msg::{Body, Message};

use super::{
    BALANCERS, GROUPS, MEMBERS_PER_GROUP, group_name, introduction, key, resident_kib, weight,
};

/// Seconds of work that are measured.
const ROUNDS: u32 = 10;

pub(crate) fn run() -> Result<()> {
    let mut gwm = Gwm::new(Policy::default());
    let mut now = Instant::now();
    for number in 0..u64::from(BALANCERS) {
        connect(&mut gwm, number, now)?;
    }
    while gwm.poll_event().is_some() {}
    push_all(&mut gwm, now)?;
    let before = resident_kib("self")?;
    let mut slowest = Duration::ZERO;
    let (mut spent_weights, mut spent_push, mut bytes) = (Duration::ZERO, Duration::ZERO, 0);
    for round in 0..ROUNDS {
        now += Duration::from_secs(1);
        let changes = changes(round)?;
        let started = Instant::now();
        let effect = gwm.update_weights(&changes);
        let updated = started.elapsed();
        ensure!(effect.members as u64 == u64::from(BALANCERS * GROUPS * MEMBERS_PER_GROUP));
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
        resident_kib("self")? / 1024
    );
    Ok(())
}

fn connect(gwm: &mut Gwm, number: u64, now: Instant) -> Result<()> {
    let id = ConnectionId(number);
    let uid = super::uid(u32::try_from(number)?)?;
    gwm.handle_connect(id, SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 1000), now);
    for body in introduction(&uid)? {
        request(gwm, id, body, now)?;
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
    for number in 0..u64::from(BALANCERS) {
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
            changes.push(WeightChange {
                balancer: None,
                group: group_name(group)?,
                member: key(group, index),
                assessment: Some(Assessment::fixed(weight(round, index))),
            });
        }
    }
    Ok(changes)
}
