//! What the GWM, the operator and netlink say, and what becomes of tables, records and flows.

use std::net::SocketAddr;
use std::time::Duration;

use sasp_xdp_common::abi::backend::{GWM_SPOKE, Index};
use sasp_xdp_common::abi::counters::Reason;
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::parse::TCP;

use super::frames::Says;
use super::world::{DOWN, TCP_IDLE, World, group, key, service, word};
use crate::balance::change::Change;
use crate::balance::inputs::{Freshness, Word};
use crate::balance::spec::{OnDown, ServiceSpec, Track};

fn farm() -> ServiceSpec {
    service("farm", "192.0.2.1:80", TCP, &[1, 2])
}

/// One service, members 1 and 2 with weights 40 and 20, all slots stable.
fn world(spec: ServiceSpec) -> World {
    let mut world = World::new(vec![spec]);
    weigh(&mut world, word(40), word(20));
    world.calm_down();
    world
}

fn weigh(world: &mut World, first: Word, second: Word) -> Vec<Change> {
    world.say("farm", &[(key(TCP, 1), first), (key(TCP, 2), second)])
}

fn client(port: u16) -> SocketAddr {
    SocketAddr::from(([198, 51, 100, 1], port))
}

fn send(world: &World, port: u16, says: Says) -> Result<Index, Reason> {
    world.send(client(port), &world.specs[0], says)
}

/// The lowest client port whose new flows go to a backend.
fn port_of(world: &World, index: Index) -> u16 {
    (40_000..)
        .find(|&port| send(world, port, Says::Open) == Ok(index))
        .unwrap()
}

fn tables(changes: &[Change]) -> usize {
    let is_table = |change: &&Change| matches!(change, Change::SetTable { .. });
    changes.iter().filter(is_table).count()
}

#[test]
fn static_weights_share_the_table_until_the_gwm_speaks() {
    let mut world = World::new(vec![farm()]);
    assert_eq!((world.slots(1), world.slots(2)), (SLOTS / 2, SLOTS / 2));
    assert_eq!(world.record(world.index(1)).gwm_flags, 0);
    weigh(&mut world, word(40), word(20));
    assert_eq!((world.slots(1), world.slots(2)), (43691, 21845));
    let record = world.record(world.index(1));
    assert_eq!((record.weight, record.gwm_weight), (40, 40));
    assert_eq!(record.gwm_flags, GWM_SPOKE | 0x01 | 0x04 | 0x08);
}

#[test]
fn the_same_words_again_change_nothing() {
    let mut world = world(farm());
    assert!(weigh(&mut world, word(40), word(20)).is_empty());
    // Another scale is the same table.
    assert_eq!(tables(&weigh(&mut world, word(4), word(2))), 0);
}

#[test]
fn a_lost_gwm_is_held_and_then_forgotten() {
    let mut world = world(farm());
    for (freshness, slots) in [(Freshness::Held, 43691), (Freshness::Gone, SLOTS / 2)] {
        world
            .inputs
            .groups
            .get_mut(&group("farm"))
            .unwrap()
            .freshness = freshness;
        world.update();
        assert_eq!(world.slots(1), slots, "{freshness:?}");
    }
    assert_eq!(world.record(world.index(1)).gwm_flags, 0);
    // What was forgotten is not held later.
    world
        .inputs
        .groups
        .get_mut(&group("farm"))
        .unwrap()
        .freshness = Freshness::Held;
    world.update();
    assert_eq!(world.slots(1), SLOTS / 2);
}

#[test]
fn a_member_quiesced_by_the_gwm_keeps_its_flows_and_gets_no_new_ones() {
    let mut world = world(farm());
    let (first, second) = (world.index(1), world.index(2));
    let port = port_of(&world, first);
    let quiesced = Word {
        quiesce: true,
        ..word(0)
    };
    weigh(&mut world, quiesced, word(20));
    assert_eq!(world.slots(2), SLOTS);
    assert_eq!(send(&world, port, Says::Data), Ok(first));
    assert_eq!(send(&world, port + 1, Says::Open), Ok(second));
    // And the same flow anew is a new flow.
    assert_eq!(send(&world, port, Says::Open), Ok(second));
}

#[test]
fn a_member_quiesced_by_the_operator_stays_out_whatever_the_gwm_says() {
    let mut world = world(farm());
    let (farm, member, now) = (group("farm"), key(TCP, 1), world.maps.now_ns);
    let changes = world.balancer.quiesce(&farm, &member, true, now).unwrap();
    world.apply(changes);
    assert_eq!(world.slots(1), 0);
    assert!(world.balancer.quiesced().contains(&(farm.clone(), member)));
    weigh(&mut world, word(60), word(20));
    assert_eq!(world.slots(1), 0);
    assert!(world.record(world.index(1)).usable());
    let changes = world.balancer.quiesce(&farm, &member, false, now).unwrap();
    world.apply(changes);
    assert_eq!(world.slots(1), SLOTS * 3 / 4);
}

#[test]
fn only_a_known_member_can_be_quiesced() {
    let mut world = world(farm());
    let error = |world: &mut World, name: &str, number| {
        let quiesce = world
            .balancer
            .quiesce(&group(name), &key(TCP, number), true, 0);
        quiesce.unwrap_err().to_string()
    };
    assert_eq!(
        error(&mut world, "farm", 9),
        "no service of group farm has a member 10.0.0.9 port 80: see `sasp-ctl status`"
    );
    error(&mut world, "barn", 1);
}

#[test]
fn a_dead_member_keeps_or_loses_its_flows_as_the_config_says() {
    for (on_down, keeps) in [(OnDown::Keep, true), (OnDown::Rehash, false)] {
        let mut world = world(ServiceSpec { on_down, ..farm() });
        let (first, second) = (world.index(1), world.index(2));
        let port = port_of(&world, first);
        weigh(&mut world, DOWN, word(20));
        assert_eq!(world.slots(1), 0);
        assert_eq!(world.record(first).usable(), keeps);
        let owner = if keeps { first } else { second };
        assert_eq!(send(&world, port, Says::Data), Ok(owner), "{on_down:?}");
        // Back again: the flow stays where it is now.
        weigh(&mut world, word(40), word(20));
        assert_eq!(send(&world, port, Says::Data), Ok(owner), "{on_down:?}");
    }
}

#[test]
fn a_member_without_a_next_hop_gets_no_packets() {
    let mut world = world(farm());
    let (first, second) = (world.index(1), world.index(2));
    let port = port_of(&world, first);
    let hop = world
        .inputs
        .next_hops
        .insert(key(TCP, 1).address, None)
        .unwrap();
    world.update();
    assert_eq!((world.slots(1), world.slots(2)), (0, SLOTS));
    let record = world.record(first);
    assert_eq!(
        (record.usable(), record.ifindex, record.macs),
        (false, 0, [0; 12])
    );
    assert_eq!(send(&world, port, Says::Data), Ok(second));
    // A next hop that nobody speaks of is as it was.
    world.inputs.next_hops.remove(&key(TCP, 1).address);
    assert!(world.update().is_empty());
    world.inputs.next_hops.insert(key(TCP, 1).address, hop);
    world.update();
    assert_eq!(world.slots(1), 43691);
    assert_eq!(world.record(first).macs, hop.unwrap().macs);
}

#[test]
fn a_new_mac_address_changes_the_record_and_no_table() {
    let mut world = world(farm());
    let hop = world
        .inputs
        .next_hops
        .get_mut(&key(TCP, 1).address)
        .unwrap();
    hop.as_mut().unwrap().macs[0] = 0xee;
    let changes = world.update();
    assert!(matches!(changes[..], [Change::SetBackend { record, .. }] if record.macs[0] == 0xee));
}

#[test]
fn nobody_left_means_no_new_flows_and_no_lost_old_ones() {
    let mut world = world(farm());
    let first = world.index(1);
    let port = port_of(&world, first);
    weigh(&mut world, DOWN, DOWN);
    assert_eq!(send(&world, port + 1, Says::Open), Err(Reason::NoBackend));
    assert_eq!(send(&world, port, Says::Data), Ok(first));
}

#[test]
fn weights_inside_the_dead_band_move_nothing_and_the_rest_acts_at_once() {
    let mut world = world(ServiceSpec {
        dead_band_permille: 50,
        ..farm()
    });
    assert_eq!(tables(&weigh(&mut world, word(41), word(20))), 0);
    let report = world.balancer.report();
    let member = &report.services[0].members[0];
    assert_eq!((member.effective_weight, member.table_weight), (41, 40));
    // Small steps add up: the band is around what the table was built with.
    assert_eq!(tables(&weigh(&mut world, word(47), word(20))), 1);
    assert_eq!(world.record(world.index(1)).weight, 47);
    let quiesced = Word {
        quiesce: true,
        ..word(47)
    };
    assert_eq!(tables(&weigh(&mut world, quiesced, word(20))), 1);
}

#[test]
fn a_service_that_tracks_nothing_gives_all_flows_to_the_new_owner() {
    let mut world = world(ServiceSpec {
        track: Track::Never,
        ..farm()
    });
    let (first, second) = (world.index(1), world.index(2));
    let port = port_of(&world, first);
    weigh(&mut world, DOWN, word(20));
    assert_eq!(world.tracked(), 0);
    assert_eq!(send(&world, port, Says::Data), Ok(second));
    assert_eq!(world.flows(), 0);
}

#[test]
fn a_slot_is_stable_again_when_its_old_flows_are_gone() {
    let mut world = world(farm());
    let first = world.index(1);
    let port = port_of(&world, first);
    weigh(&mut world, DOWN, word(20));
    assert_eq!(world.tracked(), 43691);
    // The flow speaks on through three idle timeouts.
    for _ in 0..6 {
        world.wait(TCP_IDLE / 2);
        assert_eq!(send(&world, port, Says::Data), Ok(first));
        world.sweep();
    }
    assert_eq!((world.tracked(), world.flows()), (1, 1));
    let report = world.balancer.report();
    let service = &report.services[0];
    assert_eq!((service.slots.fresh, service.slots.settled), (0, 1));
    assert_eq!(service.remembered_flows, 1);
    assert_eq!(service.members[0].remembered_flows, 1);
    world.wait(TCP_IDLE + Duration::from_nanos(1));
    world.sweep();
    assert_eq!((world.tracked(), world.flows()), (0, 0));
}

#[test]
fn stable_slots_remember_nothing() {
    let world = world(farm());
    for port in 40_000..40_100 {
        send(&world, port, Says::Open).unwrap();
        send(&world, port, Says::Data).unwrap();
    }
    assert_eq!((world.tracked(), world.flows()), (0, 0));
}

#[test]
fn the_report_says_why() {
    let mut world = world(farm());
    weigh(&mut world, DOWN, word(20));
    let json = serde_json::to_value(world.balancer.report()).unwrap();
    let service = &json["services"][0];
    assert_eq!(service["vip"], "192.0.2.1:80");
    assert_eq!(service["protocol"], "tcp");
    assert_eq!(service["group"], "farm");
    assert_eq!(service["weights"], "gwm");
    assert_eq!(service["slots"]["total"], 65536);
    assert_eq!(service["slots"]["fresh"], 43691);
    let dead = &service["members"][0];
    assert_eq!(dead["address"], "10.0.0.1:80");
    assert_eq!(
        (&dead["state"], &dead["why"]),
        (&"down".into(), &"no_contact".into())
    );
    assert_eq!(dead["reason"], "no contact");
    assert_eq!(
        (&dead["slots"], &dead["effective_weight"]),
        (&0.into(), &0.into())
    );
    assert_eq!(dead["gwm"]["contact"], false);
    let alive = &service["members"][1];
    assert_eq!(alive["state"], "active");
    assert_eq!(
        (&alive["share"], &alive["share_wanted"]),
        (&1.0.into(), &1.0.into())
    );
    assert_eq!(
        (&alive["mac"], &alive["ifindex"]),
        (&"02:00:00:00:00:02".into(), &7.into())
    );
}

#[test]
fn a_member_is_drained_when_no_slot_and_no_flow_is_left_to_it() {
    let mut world = world(farm());
    let drain = |world: &World| {
        let now_ns = world.maps.now_ns;
        world.balancer.drain(&group("farm"), &key(TCP, 1), now_ns)
    };
    let slots = world.slots(1);
    assert_eq!((drain(&world).slots, drain(&world).fresh_slots), (slots, 0));
    let now_ns = world.maps.now_ns;
    let quiesced = world
        .balancer
        .quiesce(&group("farm"), &key(TCP, 1), true, now_ns)
        .unwrap();
    world.apply(quiesced);
    let left = drain(&world);
    assert_eq!((left.slots, left.fresh_slots), (0, slots));
    assert!(left.fresh_seconds >= TCP_IDLE.as_secs() && !left.is_over());
    world.calm_down();
    assert!(drain(&world).is_over(), "{:?}", drain(&world));
    let stranger = world.balancer.drain(&group("farm"), &key(TCP, 9), now_ns);
    assert!(stranger.is_over());
}
