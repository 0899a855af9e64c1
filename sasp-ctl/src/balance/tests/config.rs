//! What a new config changes, and what it cannot.

use std::collections::BTreeMap;

use sasp_xdp_common::abi::backend::Backend;
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::abi::service::{AFFINITY_CLIENT, TRACK_ALWAYS};
use sasp_xdp_common::parse::{TCP, UDP};

use super::world::{LIMITS, World, group, key, service, word};
use crate::balance::change::Change;
use crate::balance::inputs::NextHop;
use crate::balance::model::LimitError;
use crate::balance::spec::{Affinity, MemberSpec, ServiceSpec, Track};

fn farm(members: &[u8]) -> ServiceSpec {
    service("farm", "192.0.2.1:80", TCP, members)
}

fn kinds(changes: &[Change]) -> Vec<&'static str> {
    changes
        .iter()
        .map(|change| match change {
            Change::AddLookups(_) => "add lookups",
            Change::PruneLookups(_) => "prune lookups",
            Change::SetBackend { record, .. } if record.usable() => "usable",
            Change::SetBackend { .. } => "unusable",
            Change::SetTable { .. } => "table",
            Change::SetService { .. } => "service",
            Change::RemoveService { .. } => "remove service",
            Change::RemoveTable { .. } => "remove table",
            Change::RetireBackend { .. } => "retire backend",
            Change::RetireService { .. } => "retire service",
        })
        .collect()
}

#[test]
fn changes_come_in_an_order_in_which_no_packet_meets_a_half_made_state() {
    let mut world = World::new(vec![farm(&[1, 2])]);
    world.specs[0].members.remove(0);
    world.specs[0].members.push(MemberSpec {
        forward: crate::balance::spec::Forward::Dsr,
        server_id: None,
        key: key(TCP, 3),
        weight: 1,
    });
    // Member 3 has no next hop yet.
    assert_eq!(
        kinds(&world.configure()),
        ["table", "unusable", "retire backend"]
    );
    let hop = world.inputs.next_hops[&key(TCP, 2).address];
    world.inputs.next_hops.insert(key(TCP, 3).address, hop);
    assert_eq!(kinds(&world.update()), ["usable", "table"]);
    world.inputs.next_hops.insert(key(TCP, 2).address, None);
    assert_eq!(kinds(&world.update()), ["table", "unusable"]);
    world.specs = vec![service("barn", "192.0.2.2:80", TCP, &[3])];
    assert_eq!(
        kinds(&world.configure()),
        [
            "remove service",
            "remove table",
            "retire backend",
            "retire backend",
            "retire service",
            "prune lookups",
            "add lookups",
            "usable",
            "table",
            "service",
            "prune lookups"
        ]
    );
}

#[test]
fn the_same_config_changes_nothing() {
    let mut world = World::new(vec![
        farm(&[1, 2]),
        service("dns", "[2001:db8::1]:53", UDP, &[1]),
    ]);
    world.specs.reverse();
    world.specs[1].members.reverse();
    assert!(world.configure().is_empty());
}

#[test]
fn a_removed_member_is_gone_at_once_and_its_index_is_another_ones_with_another_generation() {
    let mut world = World::new(vec![farm(&[1, 2])]);
    let (index, generation) = (world.index(1), world.record(world.index(1)).generation);
    world.specs[0].members.remove(0);
    world.configure();
    assert_eq!(world.slots(2), SLOTS);
    assert_eq!(world.tracked(), 0);
    let retired = Backend {
        generation,
        ..Backend::default()
    };
    assert_eq!(*world.record(index), retired);
    world.specs[0].members.push(MemberSpec {
        forward: crate::balance::spec::Forward::Dsr,
        server_id: None,
        key: key(TCP, 3),
        weight: 10,
    });
    world.configure();
    assert_eq!(world.index(3), index);
    assert!(world.record(index).generation > generation);
}

#[test]
fn a_new_member_is_weighed_as_the_gwm_has_said_already() {
    let mut world = World::new(vec![farm(&[1])]);
    world.say("farm", &[(key(TCP, 1), word(10)), (key(TCP, 2), word(30))]);
    let hop = world.inputs.next_hops[&key(TCP, 1).address];
    world.inputs.next_hops.insert(key(TCP, 2).address, hop);
    world.update();
    world.specs[0].members.push(MemberSpec {
        forward: crate::balance::spec::Forward::Dsr,
        server_id: None,
        key: key(TCP, 2),
        weight: 10,
    });
    world.configure();
    assert_eq!((world.slots(1), world.slots(2)), (SLOTS / 4, SLOTS * 3 / 4));
}

#[test]
fn another_groups_words_do_not_count() {
    let mut world = World::new(vec![farm(&[1, 2])]);
    world.say("farm", &[(key(TCP, 1), word(10)), (key(TCP, 2), word(30))]);
    world.specs[0].group = group("barn");
    world
        .inputs
        .groups
        .insert(group("barn"), Default::default());
    world.configure();
    assert_eq!(world.slots(1), SLOTS / 2);
}

#[test]
fn a_quiesced_member_is_quiesced_in_a_new_service_of_its_group_too() {
    let mut world = World::new(vec![farm(&[1, 2])]);
    let now = world.maps.now_ns;
    let changes = world
        .balancer
        .quiesce(&group("farm"), &key(TCP, 1), true, now)
        .unwrap();
    world.apply(changes);
    world
        .specs
        .push(service("farm", "192.0.2.2:80", TCP, &[1, 2]));
    world.configure();
    let report = world.balancer.report();
    assert_eq!(report.services.len(), 2);
    for service in report.services {
        assert_eq!(
            service.members[0].why, "operator_quiesced",
            "{}",
            service.vip
        );
    }
}

#[test]
fn a_services_flags_follow_the_config_and_its_id_stays() {
    let mut world = World::new(vec![farm(&[1])]);
    let before = *world.maps.v4.services.values().next().unwrap();
    assert_eq!(before.flags, 0);
    world.specs[0].track = Track::Always;
    world.specs[0].affinity = Affinity::Client;
    assert_eq!(kinds(&world.configure()), ["service"]);
    let after = *world.maps.v4.services.values().next().unwrap();
    assert_eq!(
        (after.id, after.flags),
        (before.id, TRACK_ALWAYS | AFFINITY_CLIENT)
    );
}

#[test]
fn what_is_removed_leaves_nothing_but_generations() {
    let mut world = World::new(vec![
        farm(&[1, 2]),
        service("dns", "[2001:db8::1]:53", UDP, &[1]),
    ]);
    world.specs.clear();
    world.configure();
    assert!(world.maps.v4.services.is_empty() && world.maps.v6.services.is_empty());
    assert!(world.maps.tables.is_empty());
    for record in &world.maps.backends {
        assert_eq!(
            *record,
            Backend {
                generation: record.generation,
                ..Backend::default()
            }
        );
    }
    assert!(world.balancer.report().services.is_empty());
}

#[test]
fn too_much_is_refused_whole() {
    let mut world = World::new(vec![farm(&[1, 2])]);
    let report = world.balancer.report();
    let now = world.maps.now_ns;
    let many: Vec<ServiceSpec> = (0..=LIMITS.services as u8)
        .map(|number| service("farm", &format!("192.0.2.{number}:80"), TCP, &[1]))
        .collect();
    let error = world.balancer.set_services(many, now).unwrap_err();
    assert_eq!(
        error,
        LimitError::Services {
            wanted: 9,
            limit: 8
        }
    );
    assert_eq!(
        error.to_string(),
        "9 services, but the maps hold 8: remove some"
    );

    // 2 that are replaced count as long as the new ones are not in place.
    let most = LIMITS.backends as u8 - 1;
    let numbers: Vec<u8> = (3..3 + most).collect();
    let error = world
        .balancer
        .set_services(vec![farm(&numbers)], now)
        .unwrap_err();
    assert_eq!(
        error,
        LimitError::Backends {
            wanted: 65,
            limit: 63
        }
    );
    assert_eq!(world.balancer.report(), report);
    assert!(world.configure().is_empty());

    // A service that goes makes room at once.
    world.specs = vec![service("barn", "192.0.2.9:80", TCP, &numbers)];
    world.configure();
    assert_eq!(world.balancer.report().services[0].members.len(), 63);
}

#[test]
fn two_balancers_with_other_indices_agree_on_every_slot() {
    let mut one = World::new(vec![farm(&[1, 2, 3])]);
    let mut other = World::new(vec![
        service("barn", "192.0.2.9:80", TCP, &[9, 8]),
        farm(&[3, 1, 2]),
    ]);
    let hops: BTreeMap<_, Option<NextHop>> = one.inputs.next_hops.clone();
    other.inputs.next_hops.extend(hops);
    let words = [
        (key(TCP, 1), word(5)),
        (key(TCP, 2), word(7)),
        (key(TCP, 3), word(11)),
    ];
    one.say("farm", &words);
    other.say("farm", &words);
    let owners = |world: &World| -> Vec<[u8; 16]> {
        let vip = *world
            .maps
            .v4
            .services
            .keys()
            .find(|vip| vip.address == [192, 0, 2, 1])
            .unwrap();
        let table = &world.maps.tables[&world.maps.v4.services[&vip].id];
        table
            .iter()
            .map(|slot| world.record(slot.cur()).address)
            .collect()
    };
    assert_eq!(owners(&one), owners(&other));
}
