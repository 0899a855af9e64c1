//! A GWM at the size that it is made for: 100 balancers, each with 1,000 groups and 10,000 members, every weight another
//! one every second, pushed to all.
//!
//! * `machine`: state machine and codec alone. `process`: the real one, over loopback.

mod machine;
mod process;

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use sasp_ctl::sasp::code::{FLAG_LB, lb_flags};
use sasp_ctl::sasp::msg::{
    Body, Group, GroupOf, Member, MemberKey, Name, RegistrationRequest, SetLbStateRequest,
};

const BALANCERS: u32 = 100;
const GROUPS: u32 = 1_000;
const MEMBERS_PER_GROUP: u32 = 10;

/// Changes of all weights; an hour has 3,600 seconds.
const HOUR: u32 = 3_600;
const ROUNDS: u32 = 30;

/// One second's work, again and again.
pub(crate) fn run() -> Result<()> {
    println!(
        "GWM with {BALANCERS} balancers, each with {GROUPS} groups and {} members, all weights changing every second:",
        GROUPS * MEMBERS_PER_GROUP
    );
    process::run(ROUNDS, process::Pace::EverySecond)?;
    machine::run()
}

/// As many changes as an hour has seconds, as fast as they are taken: does memory stay where it was?
pub(crate) fn run_hour() -> Result<()> {
    println!("GWM, {HOUR} changes of all weights as fast as they are taken:");
    process::run(HOUR, process::Pace::AtOnce)
}

/// What a balancer says first: its state, with Push, then all its groups.
fn introduction(uid: &Name) -> Result<[Body; 2]> {
    let state = SetLbStateRequest {
        lb_uid: uid.clone(),
        health: 0x7f,
        flags: lb_flags::PUSH,
    };
    let groups = (0..GROUPS).map(|group| {
        let member = |index| Member {
            key: key(group, index),
            label: Name::default(),
        };
        Ok(GroupOf {
            group: Group {
                lb_uid: uid.clone(),
                name: group_name(group)?,
            },
            items: (0..MEMBERS_PER_GROUP).map(member).collect(),
        })
    });
    let registration = RegistrationRequest {
        flags: FLAG_LB,
        groups: groups.collect::<Result<_>>()?,
    };
    Ok([
        Body::SetLbStateRequest(state),
        Body::RegistrationRequest(registration),
    ])
}

/// The weight of a group's member in a round: another one in the next.
fn weight(round: u32, index: u32) -> u16 {
    ((round + index) % 64 + 1) as u16
}

fn uid(number: u32) -> Result<Name> {
    name(&format!("edge-{number}"))
}

fn group_name(group: u32) -> Result<Name> {
    name(&format!("FARM{group}"))
}

fn key(group: u32, index: u32) -> MemberKey {
    let address = Ipv4Addr::from(0x0a00_0000 + group * 16 + index + 1);
    MemberKey {
        protocol: 6,
        port: 80,
        address: address.into(),
    }
}

fn name(text: &str) -> Result<Name> {
    Name::new(text.as_bytes()).context("a name")
}

/// Memory that a process (`self`, or its id) has in use, in KiB.
fn resident_kib(process: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.context("no VmRSS")?.trim().trim_end_matches(" kB");
    kib.parse().context("VmRSS")
}
