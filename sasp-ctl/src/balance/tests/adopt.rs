//! A daemon that finds the maps of another: after a restart, a crash between any two writes, a change of config, or
//! worse.

use std::collections::BTreeMap;

use sasp_xdp_common::abi::backend::{Backend, Index};
use sasp_xdp_common::abi::service::{Service, Vip4};
use sasp_xdp_common::abi::slot::Slot;
use sasp_xdp_common::parse::{TCP, UDP};

use super::world::{DOWN, LIMITS, SEED, World, content, group, key, service, word};
use crate::balance::change::{Adopted, Change, Vip};
use crate::balance::lookups::Lookups;
use crate::balance::model::Balancer;
use crate::balance::spec::{MemberSpec, ServiceSpec};

fn specs() -> Vec<ServiceSpec> {
    vec![
        service("farm", "192.0.2.1:80", TCP, &[1, 2, 3]),
        service("dns", "[2001:db8::1]:53", UDP, &[1, 2]),
    ]
}

/// Two services, words spoken, slots tracked, one member quiesced by the operator, one without a next hop.
fn busy() -> World {
    let mut world = World::new(specs());
    world.say("farm", &[(key(TCP, 1), word(40)), (key(TCP, 2), word(20))]);
    world.say("dns", &[(key(UDP, 1), DOWN), (key(UDP, 2), word(0))]);
    let now = world.maps.now_ns;
    let changes = world
        .balancer
        .quiesce(&group("farm"), &key(TCP, 2), true, now)
        .unwrap();
    world.apply(changes);
    world.inputs.next_hops.insert(key(TCP, 3).address, None);
    world.update();
    assert!(world.tracked() > 0);
    world
}

/// What a packet can tell apart: the owner of every slot of every VIP, by address, and whether it may get packets.
type Seen = BTreeMap<Vip, Vec<([u8; 16], bool)>>;

fn seen(world: &World) -> Seen {
    let owners = |service: &Service| {
        let table = world.maps.tables[&service.id].iter();
        let records = table.map(|slot| world.record(slot.cur()));
        records
            .map(|record| (record.address, record.usable()))
            .collect()
    };
    content(&world.maps)
        .services
        .iter()
        .map(|(vip, service)| (*vip, owners(service)))
        .collect()
}

#[test]
fn a_restart_changes_nothing() {
    let mut world = busy();
    assert!(world.restart().is_empty());
    assert_eq!(world.balancer.quiesced().len(), 1);
    let report = world.balancer.report();
    assert!(
        report
            .services
            .iter()
            .all(|service| service.weights == "held")
    );
    assert!(world.update().is_empty(), "nor do the same words once more");
    assert!(world.restart().is_empty(), "nor does another restart");
}

#[test]
fn last_words_are_held_over_a_restart_and_then_forgotten() {
    let mut world = busy();
    world.restart();
    let now = world.maps.now_ns;
    let changes = world.balancer.update(Default::default(), now);
    assert!(!changes.is_empty());
    world.apply(changes);
    let report = world.balancer.report();
    for service in &report.services {
        assert_eq!(service.weights, "static");
        assert!(service.members.iter().all(|member| member.gwm.is_none()));
    }
}

#[test]
fn a_daemon_that_dies_between_any_two_writes_leaves_nothing_that_the_next_cannot_mend() {
    let quiet = World::new(specs());
    type Event = fn(&mut World);
    let events: [(&str, Event); 3] = [
        ("weights", |world| {
            let words = [
                (key(TCP, 1), word(40)),
                (key(TCP, 2), DOWN),
                (key(TCP, 3), word(1)),
            ];
            world.say("farm", &words);
        }),
        ("members come and go", |world| {
            world.specs[0].members.remove(0);
            world.specs[0].members.push(MemberSpec {
                forward: crate::balance::spec::Forward::Dsr,
                server_id: None,
                key: key(TCP, 4),
                weight: 3,
            });
            world.inputs.next_hops.insert(
                key(TCP, 4).address,
                world.inputs.next_hops[&key(TCP, 2).address],
            );
            world.configure();
            world.update();
        }),
        ("services come and go", |world| {
            world.specs[0] = service("barn", "192.0.2.2:80", TCP, &[1, 2]);
            world.configure();
            world.update();
        }),
    ];
    for (name, event) in events {
        let mut whole = quiet.clone();
        event(&mut whole);
        let changes = journal(&quiet, &whole);
        for written in 0..=changes.len() {
            let mut world = quiet.clone();
            world.apply(changes[..written].to_vec());
            world.specs = whole.specs.clone();
            world.inputs = whole.inputs.clone();
            world.restart();
            world.update();
            assert_eq!(
                seen(&world),
                seen(&whole),
                "{name}, {written} of {}",
                changes.len()
            );
            assert_eq!(content(&world.maps).tables.len(), 2, "{name}: {written}");
            let backends = content(&world.maps).backends.into_iter();
            let alive = backends
                .filter(|(_, record)| record.address != [0; 16])
                .count();
            let wanted: usize = world.specs.iter().map(|spec| spec.members.len()).sum();
            assert_eq!(alive, wanted, "{name}: {written}");
            assert!(world.restart().is_empty(), "{name}, {written}: not settled");
        }
    }
}

/// All writes that led from one world to the other.
fn journal(before: &World, after: &World) -> Vec<Change> {
    let mut world = before.clone();
    let now = world.maps.now_ns;
    let mut changes = Vec::new();
    if after.specs != before.specs {
        changes.extend(
            world
                .balancer
                .set_services(after.specs.clone(), now)
                .unwrap(),
        );
    }
    changes.extend(world.balancer.update(after.inputs.clone(), now));
    changes
}

#[test]
fn the_config_may_have_changed_meanwhile() {
    let mut world = busy();
    let first = world.index(1);
    let generation = world.record(first).generation;
    world.specs[0]
        .members
        .retain(|member| member.key != key(TCP, 2));
    world.specs[0].members.push(MemberSpec {
        forward: crate::balance::spec::Forward::Dsr,
        server_id: None,
        key: key(TCP, 9),
        weight: 1,
    });
    world.specs[1] = service("www", "192.0.2.7:443", TCP, &[1]);
    world.restart();
    world.update();
    assert_eq!(world.index(1), first, "who stays keeps its index");
    assert_eq!(world.record(first).generation, generation);
    assert!(world.maps.v6.services.is_empty());
    assert_eq!(world.maps.v4.services.len(), 2);
    let report = world.balancer.report();
    let why = |service: usize, member: usize| report.services[service].members[member].why;
    assert_eq!(why(0, 0), "gwm_weight");
    assert_eq!(why(0, 2), "unresolved");
    assert!(
        world.balancer.quiesced().is_empty(),
        "the quiesced one is gone"
    );
}

#[test]
fn generations_go_on_after_the_highest_that_was_ever_given() {
    let mut world = World::new(vec![service("farm", "192.0.2.1:80", TCP, &[1, 2, 3])]);
    world.specs[0].members.pop();
    world.configure();
    let highest = world
        .maps
        .backends
        .iter()
        .map(|record| record.generation)
        .max()
        .unwrap();
    world.restart();
    world.specs[0].members.push(MemberSpec {
        forward: crate::balance::spec::Forward::Dsr,
        server_id: None,
        key: key(TCP, 4),
        weight: 1,
    });
    world.configure();
    assert_eq!(world.record(world.index(4)).generation, highest + 1);
}

fn record(service: u32, number: u8, generation: u32) -> Backend {
    let mut address = [0; 16];
    address[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, number]);
    Backend {
        generation,
        service,
        address,
        port: 80,
        protocol: TCP,
        ..Backend::default()
    }
}

fn vip(last: u8) -> Vip {
    Vip::V4(Vip4 {
        address: [192, 0, 2, last],
        port: 80_u16.to_be_bytes(),
        protocol: TCP,
        reserved: 0,
    })
}

#[test]
fn maps_that_contradict_themselves_are_put_right() {
    let table = |slot: Slot| -> Box<_> { vec![slot; 65536].try_into().unwrap() };
    let adopted = Adopted {
        lookups: Lookups::default(),
        // Two VIPs share a table, one leads to none, one is not in the config.
        services: [(1, 0), (2, 0), (3, 5), (4, 7)]
            .map(|(last, id)| (vip(last), Service::new(id, 0)))
            .to_vec(),
        // A member twice, a backend of a service that is nowhere, indices and ids beyond the maps.
        backends: [(1, 0, 1), (2, 0, 1), (3, 6, 1), (70, 0, 2), (4, 99, 2)]
            .map(|(index, service, number): (Index, u32, u8)| (index, record(service, number, 40)))
            .to_vec(),
        tables: vec![
            (0, table(Slot::new(9, 60, true))),
            (3, table(Slot::stable(1))),
            (7, table(Slot::stable(3))),
        ],
    };
    let specs: Vec<ServiceSpec> = (1..=3)
        .map(|last| service("farm", &format!("192.0.2.{last}:80"), TCP, &[1]))
        .collect();
    let mut world = World::new(Vec::new());
    world.specs = specs.clone();
    for (vip, service) in &adopted.services {
        let Vip::V4(vip) = vip else {
            unreachable!("all are IPv4")
        };
        world.maps.v4.services.insert(*vip, *service);
    }
    world.maps.tables.extend(adopted.tables.iter().cloned());
    let (balancer, changes) =
        Balancer::adopt(LIMITS, SEED, adopted, specs, world.maps.now_ns).unwrap();
    world.balancer = balancer;
    world.apply(changes);
    let hop = super::world::next_hop(key(TCP, 1).address);
    world
        .inputs
        .next_hops
        .insert(key(TCP, 1).address, Some(hop));
    world.update();
    assert_eq!(world.maps.v4.services.len(), 3);
    assert_eq!(world.maps.tables.len(), 3);
    for owners in seen(&world).values() {
        assert!(
            owners
                .iter()
                .all(|owner| *owner == (record(0, 1, 0).address, true))
        );
    }
    world.calm_down();
    assert!(world.restart().is_empty());
}
