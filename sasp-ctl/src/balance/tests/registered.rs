//! Members that have registered themselves.

use std::time::Duration;

use sasp_xdp_common::abi::backend::SELF_REGISTERED;
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::maps::host::HostMaps;
use sasp_xdp_common::parse::{TCP, UDP};

use super::frames::Says;
use super::world::{LIMITS, SEED, World, content, group, key, next_hop, own_word, service, word};
use crate::balance::change::{Adopted, Change};
use crate::balance::inputs::{Freshness, GroupInput, Inputs};
use crate::balance::model::{Balancer, LimitError, Limits};
use crate::balance::self_registered::MOST;
use crate::balance::spec::{MemberSpec, ServiceSpec};
use crate::sasp::msg::MemberKey;

fn open(members: &[u8]) -> ServiceSpec {
    ServiceSpec {
        self_registered: vec!["10.0.0.0/25".parse().unwrap()],
        ..service("farm", "192.0.2.1:80", TCP, members)
    }
}

/// Member 1 is the config's, 5 and 6 have registered themselves; weights 10, 20 and 30.
fn world() -> World {
    let mut world = World::new(vec![open(&[1])]);
    resolve(&mut world, 1..=9);
    say(&mut world, &[5, 6]);
    world
}

fn resolve(world: &mut World, numbers: impl IntoIterator<Item = u8>) {
    for number in numbers {
        let address = key(TCP, number).address;
        let hop = Some(next_hop(address));
        world.inputs.next_hops.insert(address, hop);
    }
    world.update();
}

/// The GWM speaks of member 1, and of these, which have registered themselves.
fn say(world: &mut World, numbers: &[u8]) -> Vec<Change> {
    let mut words = vec![(key(TCP, 1), word(10))];
    words.extend(
        (2..)
            .zip(numbers)
            .map(|(tens, &number)| (key(TCP, number), own_word(tens * 10))),
    );
    world.say("farm", &words)
}

fn set(world: &mut World, freshness: Freshness, converging: bool) {
    let input = world.inputs.groups.get_mut(&group("farm")).unwrap();
    (input.freshness, input.converging) = (freshness, converging);
    world.update();
}

fn members(world: &World) -> Vec<String> {
    let members = world.service_report().members.into_iter();
    members.map(|member| member.address).collect()
}

#[test]
fn a_member_that_has_registered_itself_is_weighed_like_any_other() {
    let world = world();
    assert_eq!(
        members(&world),
        ["10.0.0.1:80", "10.0.0.5:80", "10.0.0.6:80"]
    );
    assert_eq!(world.slots(1), 10923);
    assert_eq!((world.slots(5), world.slots(6)), (21845, SLOTS / 2));
    let origins = [1, 5, 6].map(|number| world.member(number).unwrap().origin);
    assert_eq!(origins, ["config", "self", "self"]);
    let flags = [1, 5].map(|number| world.record(world.index(number)).gwm_flags);
    assert_eq!(
        flags.map(|flags| flags & SELF_REGISTERED != 0),
        [false, true]
    );
    let addresses = world.balancer.member_addresses();
    assert_eq!(addresses.len(), 3);
    assert!(addresses.contains(&key(TCP, 5).address));
    let vouched = world.balancer.vouched_addresses();
    assert_eq!(
        vouched,
        [key(TCP, 1).address].into(),
        "guests are no measure"
    );
}

#[test]
fn a_member_that_comes_when_another_services_goes_has_a_backend_of_its_own() {
    let shop = ServiceSpec {
        self_registered: vec!["10.0.0.0/25".parse().unwrap()],
        ..service("shop", "192.0.2.2:80", TCP, &[2])
    };
    let mut world = World::new(vec![open(&[1]), shop]);
    resolve(&mut world, 1..=9);
    say(&mut world, &[5]);
    let groups = &mut world.inputs.groups;
    for (name, member, guest) in [("farm", 1, None), ("shop", 2, Some(6))] {
        let input = groups.get_mut(&group(name)).unwrap();
        input.freshness = Freshness::Live;
        let guest = guest.map(|guest| (key(TCP, guest), own_word(10)));
        input.members = [(key(TCP, member), word(10))]
            .into_iter()
            .chain(guest)
            .collect();
    }
    world.update();
    let reports = world.balancer.report().services;
    let comer = reports
        .iter()
        .flat_map(|service| &service.members)
        .find(|member| member.address == "10.0.0.6:80")
        .unwrap();
    assert_eq!(comer.slots, SLOTS / 2);
    assert!(world.record(comer.index).usable());
}

#[test]
fn where_there_are_only_guests_they_are_the_measure_of_the_network() {
    let mut world = World::new(vec![open(&[])]);
    assert!(world.balancer.vouched_addresses().is_empty());
    say(&mut world, &[5, 6]);
    let guests = [5, 6].map(|number| key(TCP, number).address);
    assert_eq!(world.balancer.vouched_addresses(), guests.into());
}

#[test]
fn without_a_list_or_outside_of_it_nobody_is_taken_in() {
    let mut closed = World::new(vec![service("farm", "192.0.2.1:80", TCP, &[1])]);
    say(&mut closed, &[5]);
    assert_eq!(members(&closed), ["10.0.0.1:80"]);
    assert_eq!(closed.service_report().turned_away_total, 0, "as ever");

    let mut world = World::new(vec![open(&[1])]);
    let mut other_port = key(TCP, 7);
    other_port.port = 81;
    let words = [
        (key(TCP, 1), word(1)),
        (key(TCP, 200), own_word(1)),
        (other_port, own_word(1)),
        (key(UDP, 8), own_word(1)),
        // Registered by a balancer: by us, before the config changed.
        (key(TCP, 9), word(1)),
    ];
    world.say("farm", &words);
    assert_eq!(members(&world), ["10.0.0.1:80"]);
    let report = world.service_report();
    let told: Vec<_> = report
        .turned_away
        .iter()
        .map(|member| (member.address.as_str(), member.why))
        .collect();
    assert_eq!(
        told,
        [
            ("10.0.0.200:80", "not_allowed"),
            ("10.0.0.7:81", "other_port"),
            ("10.0.0.8:80", "other_protocol")
        ]
    );
    assert_eq!(report.turned_away_total, 3);
}

#[test]
fn a_member_that_another_service_of_the_group_takes_in_is_not_told_as_turned_away() {
    let tls = ServiceSpec {
        vip: "192.0.2.1:443".parse().unwrap(),
        ..open(&[])
    };
    let mut world = World::new(vec![open(&[1]), tls]);
    let member = MemberKey {
        port: 443,
        ..key(TCP, 5)
    };
    world.say("farm", &[(member, own_word(1))]);
    let services = world.balancer.report().services;
    assert_eq!(services[1].members.len(), 1);
    assert!(services[0].turned_away.is_empty());
}

#[test]
fn a_member_goes_with_its_registration_and_not_with_the_gwm() {
    let mut world = world();
    for (freshness, weights) in [
        (Freshness::Held, [10, 20, 30]),
        (Freshness::Gone, [10, 1, 1]),
    ] {
        let input = world.inputs.groups.get_mut(&group("farm")).unwrap();
        input.members.clear();
        set(&mut world, freshness, false);
        let effective = world.service_report().members.into_iter();
        let effective: Vec<_> = effective.map(|member| member.effective_weight).collect();
        assert_eq!(effective, weights, "{freshness:?}");
    }
    set(&mut world, Freshness::Live, true);
    assert_eq!(members(&world).len(), 3, "the GWM may not know all yet");
    say(&mut world, &[6]);
    set(&mut world, Freshness::Live, false);
    assert_eq!(members(&world), ["10.0.0.1:80", "10.0.0.6:80"]);
    // Nor does one stay that a balancer has registered meanwhile.
    world.say("farm", &[(key(TCP, 1), word(1)), (key(TCP, 6), word(1))]);
    assert_eq!(members(&world), ["10.0.0.1:80"]);
    assert_eq!(world.slots(1), SLOTS);
}

#[test]
fn the_flows_of_one_that_is_gone_belong_to_the_others() {
    let mut world = World::new(vec![open(&[1])]);
    resolve(&mut world, 1..=9);
    say(&mut world, &[5]);
    let gone = world.index(5);
    let generation = world.record(gone).generation;
    let client = (40_000_u16..)
        .map(|port| ([198, 51, 100, 1], port).into())
        .find(|&client| world.send(client, &world.specs[0], Says::Open) == Ok(gone))
        .unwrap();
    say(&mut world, &[]);
    assert_eq!(
        world.send(client, &world.specs[0], Says::Data),
        Ok(world.index(1))
    );
    assert!(world.record(gone).retired());
    say(&mut world, &[6]);
    assert_eq!(world.index(6), gone, "its index is free again");
    assert!(world.record(gone).generation > generation);
}

#[test]
fn a_restart_keeps_them_with_and_without_a_gwm() {
    for freshness in [Freshness::Live, Freshness::Held, Freshness::Gone] {
        let mut world = world();
        set(&mut world, freshness, false);
        let before = world.service_report();
        assert!(world.restart().is_empty(), "{freshness:?}");
        assert_eq!(members(&world).len(), 3, "{freshness:?}");
        world.update();
        assert_eq!(world.service_report().members, before.members);
    }
}

#[test]
fn a_restart_without_the_list_lets_them_go() {
    let mut world = world();
    world.specs[0].self_registered.clear();
    world.restart();
    assert_eq!(members(&world), ["10.0.0.1:80"]);
    assert_eq!(world.slots(1), SLOTS);
    let alive = content(&world.maps).backends.into_iter();
    assert_eq!(alive.filter(|(_, record)| !record.retired()).count(), 1);
}

#[test]
fn a_reload_keeps_those_that_the_new_list_allows() {
    let mut world = world();
    let kept = world.index(6);
    world.specs[0].self_registered = vec!["10.0.0.6/32".parse().unwrap()];
    world.configure();
    assert_eq!(members(&world), ["10.0.0.1:80", "10.0.0.6:80"]);
    assert_eq!(world.index(6), kept);
    let turned_away = world.service_report().turned_away;
    assert_eq!(turned_away[0].why, "not_allowed");
    // In another group it is nobody.
    world.specs[0].group = group("barn");
    world.configure();
    assert_eq!(members(&world), ["10.0.0.1:80"]);
}

#[test]
fn who_is_in_the_config_is_the_configs_and_stays_if_it_is_no_longer() {
    let mut world = world();
    let index = world.index(5);
    world.specs[0].members.push(MemberSpec {
        forward: crate::balance::spec::Forward::Dsr,
        server_id: None,
        key: key(TCP, 5),
        weight: 7,
    });
    world.configure();
    let member = world.member(5).unwrap();
    assert_eq!(
        (member.origin, member.static_weight, member.index),
        ("config", 7, index)
    );
    assert_eq!(
        members(&world),
        ["10.0.0.1:80", "10.0.0.5:80", "10.0.0.6:80"]
    );
    say(&mut world, &[]);
    assert!(world.member(5).is_some(), "the config has it");
    say(&mut world, &[5, 6]);
    world.specs[0].members.pop();
    world.configure();
    let member = world.member(5).unwrap();
    assert_eq!(
        (member.origin, member.static_weight, member.index),
        ("self", 1, index)
    );
}

#[test]
fn the_operator_can_quiesce_one() {
    let mut world = world();
    let now = world.maps.now_ns;
    let changes = world
        .balancer
        .quiesce(&group("farm"), &key(TCP, 6), true, now)
        .unwrap();
    world.apply(changes);
    assert_eq!(world.slots(6), 0);
    world.restart();
    world.update();
    assert_eq!(world.member(6).unwrap().why, "operator_quiesced");
}

/// Every member with a number from 2 on registers itself; the maps hold 63 backends.
fn crowded() -> World {
    let mut world = World::new(vec![open(&[1])]);
    let numbers: Vec<u8> = (2..100).collect();
    say(&mut world, &numbers);
    world
}

#[test]
fn where_there_is_no_room_the_first_stay_and_the_others_are_told() {
    let mut world = crowded();
    let before = members(&world);
    assert_eq!(before.len(), LIMITS.backends - 1);
    assert!(before.contains(&"10.0.0.63:80".to_owned()));
    let report = world.service_report();
    assert_eq!(report.turned_away_total, 98 - 62);
    assert_eq!(
        (
            report.turned_away[0].address.as_str(),
            report.turned_away[0].why
        ),
        ("10.0.0.64:80", "no_room")
    );
    assert!(report.turned_away.len() < report.turned_away_total);
    world.update();
    assert_eq!(members(&world), before, "and so it stays");
    // One goes, and the next takes its place.
    let input = world.inputs.groups.get_mut(&group("farm")).unwrap();
    input.members.remove(&key(TCP, 9));
    world.update();
    world.update();
    assert!(members(&world).contains(&"10.0.0.64:80".to_owned()));
}

#[test]
fn members_of_a_config_never_lack_room_because_of_them() {
    let newcomers = [120, 121, 122].map(|number| MemberSpec {
        forward: crate::balance::spec::Forward::Dsr,
        server_id: None,
        key: key(TCP, number),
        weight: 1,
    });
    for restart in [false, true] {
        let mut world = crowded();
        world.specs[0].members.extend(newcomers.clone());
        if restart {
            world.restart();
        } else {
            world.configure();
        }
        let after = members(&world);
        assert_eq!(after.len(), LIMITS.backends - 1, "restart: {restart}");
        assert_eq!(after[1], "10.0.0.120:80");
        assert!(after.contains(&"10.0.0.60:80".to_owned()));
        assert!(!after.contains(&"10.0.0.61:80".to_owned()), "the last go");
        world.restart();
        world.update();
        assert_eq!(members(&world), after);
    }
    let mut world = crowded();
    let before = world.balancer.report();
    let numbers: Vec<u8> = (100..200).collect();
    let now = world.maps.now_ns;
    let error = world
        .balancer
        .set_services(vec![open(&numbers)], now)
        .unwrap_err();
    assert_eq!(
        error,
        LimitError::Backends {
            wanted: 101,
            limit: 63
        }
    );
    assert_eq!(world.balancer.report(), before, "nobody had to go in vain");
}

#[test]
fn a_service_takes_in_no_more_than_its_bound() {
    let maps = HostMaps::new(SEED);
    let limits = Limits {
        services: 1,
        backends: 4096,
    };
    let spec = ServiceSpec {
        self_registered: vec!["10.0.0.0/8".parse().unwrap()],
        ..open(&[1])
    };
    let adopted = Adopted::default();
    let (mut balancer, _) =
        Balancer::adopt(limits, SEED, adopted, vec![spec], maps.now_ns).unwrap();
    let numbers = (0..MOST as u32 + 10).map(|number| MemberKey {
        address: std::net::Ipv4Addr::from_bits(0x0a01_0000 + number).into(),
        ..key(TCP, 0)
    });
    let input = GroupInput {
        freshness: Freshness::Live,
        converging: false,
        members: numbers.map(|key| (key, own_word(1))).collect(),
    };
    let inputs = Inputs {
        groups: [(group("farm"), input)].into(),
        ..Inputs::default()
    };
    balancer.update(inputs, maps.now_ns);
    let service = &balancer.report().services[0];
    assert_eq!(service.members.len(), MOST + 1);
    assert_eq!(service.turned_away_total, 10);
    assert_eq!(service.turned_away[0].why, "too_many");
}

#[test]
fn a_newcomer_starts_slowly() {
    let mut world = World::new(vec![ServiceSpec {
        slow_start: Some(Duration::from_secs(60)),
        ..open(&[1])
    }]);
    resolve(&mut world, 1..=9);
    say(&mut world, &[]);
    world.pass(Duration::from_secs(60));
    say(&mut world, &[5]);
    assert_eq!(world.slots(5), SLOTS.div_ceil(9), "2 of 18");
    world.pass(Duration::from_secs(60));
    assert_eq!(world.slots(5), 43691);
}
