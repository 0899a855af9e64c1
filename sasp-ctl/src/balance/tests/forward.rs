//! How members are reached: modes, the ways that they need, and what the packet path looks up for them.

use std::net::{IpAddr, SocketAddr};

use sasp_xdp_common::abi::backend::{MODE_DSR, MODE_FULL_NAT, MODE_GUE, MODE_IPIP, MODE_NAT};
use sasp_xdp_common::abi::flow::{Flow4, FlowEntry};
use sasp_xdp_common::abi::service::{ALLOW_LISTED, SOURCE_RULES, Vip4};
use sasp_xdp_common::abi::settings::{HAS_REPLIES, HAS_WILDCARDS, WILDCARD};
use sasp_xdp_common::parse::{TCP, UDP};

use super::lookups;
use super::world::{World, group, key, next_hop, own_word, service};
use crate::balance::inputs::NextHop;
use crate::balance::model::report::MemberReport;
use crate::balance::spec::{Forward, QuicLb, ServiceSpec, SourceRules, Track};
use crate::sasp::msg::MemberKey;

const V4: [u8; 4] = [10, 0, 0, 99];

fn farm(modes: &[Forward]) -> ServiceSpec {
    let numbers: Vec<u8> = (1..=modes.len() as u8).collect();
    let mut spec = service("farm", "192.0.2.1:80", TCP, &numbers);
    for (member, mode) in spec.members.iter_mut().zip(modes) {
        member.forward = *mode;
    }
    spec
}

fn set_hop(world: &mut World, number: u8, change: impl FnOnce(&mut NextHop)) {
    let address = key(TCP, number).address;
    let mut hop = next_hop(address);
    hop.source = Some(V4.into());
    change(&mut hop);
    world.inputs.next_hops.insert(address, Some(hop));
}

fn why(world: &World, number: u8) -> (&'static str, Option<u16>) {
    let MemberReport {
        why, client_mtu, ..
    } = world.member(number).unwrap();
    (why, client_mtu)
}

#[test]
fn each_member_is_reached_in_its_own_mode() {
    use Forward::*;
    let modes = [Dsr, Ipip, Gue, Nat, FullNat];
    let mut world = World::new(vec![farm(&modes)]);
    for number in 1..=5 {
        set_hop(&mut world, number, |hop| hop.via_gateway = number > 1);
    }
    world.update();
    for (number, mode, outer_len, inner_max) in [
        (1, MODE_DSR, 0, 0),
        (2, MODE_IPIP, 20, 1480),
        (3, MODE_GUE, 32, 1468),
        (4, MODE_NAT, 0, 1500),
        (5, MODE_FULL_NAT, 0, 1500),
    ] {
        let record = world.record(world.index(number));
        assert!(record.usable(), "{number}");
        assert_eq!(
            (record.mode, record.outer_len, record.inner_max),
            (mode, outer_len, inner_max)
        );
    }
    let record = world.record(world.index(2));
    assert_eq!(record.outer[12..20], [10, 0, 0, 99, 10, 0, 0, 2]);
    // Nothing of this is lost when another daemon takes over.
    assert!(world.restart().is_empty());
    assert!(world.update().is_empty());
}

#[test]
fn a_member_that_its_mode_cannot_reach_gets_nothing_and_says_why() {
    use Forward::*;
    let mut world = World::new(vec![farm(&[Dsr, Ipip, Ipip, Ipip])]);
    set_hop(&mut world, 1, |hop| hop.via_gateway = true);
    set_hop(&mut world, 2, |hop| hop.source = None);
    set_hop(&mut world, 3, |hop| hop.mtu = 595);
    set_hop(&mut world, 4, |_| {});
    world.update();
    assert_eq!(why(&world, 1), ("behind_gateway", None));
    assert_eq!(why(&world, 2), ("no_source", None));
    assert_eq!(why(&world, 3).1, Some(575));
    assert_eq!(world.slots(1) + world.slots(2), 0);
    assert!(world.slots(3) > 0 && world.slots(4) > 0);
    let warning = |number| world.member(number).unwrap().warning;
    assert!(warning(3).unwrap().contains("575"));
    assert_eq!((warning(1), warning(4)), (None, None));
    let barred = |number| world.balancer.bars(key(TCP, number).address);
    assert_eq!([1, 2, 3, 4].map(barred), [true, true, false, false]);
    assert_eq!(world.balancer.troubles().len(), 3);
}

#[test]
fn dsr_looks_at_lengths_only_where_clients_send_longer_packets_than_fit() {
    let mut world = World::new(vec![farm(&[Forward::Dsr])]);
    let fits = |world: &mut World, mtu| {
        set_hop(world, 1, |hop| hop.mtu = mtu);
        world.update();
        let warned = world.member(1).unwrap().warning.is_some();
        (world.record(world.index(1)).inner_max, warned)
    };
    assert_eq!(fits(&mut world, 1500), (0, false));
    assert_eq!(fits(&mut world, 9000), (0, false));
    assert_eq!(fits(&mut world, 590), (590, false));
    assert_eq!(fits(&mut world, 570), (570, true));
}

#[test]
fn members_of_which_clients_are_told_a_smaller_size_are_counted_by_interface() {
    use Forward::*;
    let mut world = World::new(vec![farm(&[Dsr, Ipip, Ipip, Gre, Nat, Ipip])]);
    for number in 1..=5 {
        set_hop(&mut world, number, |_| {});
    }
    // Trouble enough to be told by itself.
    set_hop(&mut world, 6, |hop| hop.mtu = 500);
    world.update();
    let told: Vec<_> = world
        .balancer
        .tight()
        .iter()
        .map(|(tight, members)| tight.text("eth1", *members))
        .collect();
    assert_eq!(
        told,
        [
            "1 gre member behind eth1: clients are told 1476, as 1500 do not fit; raise the MTU of eth1 and of routes \
             there to 1524",
            "2 ipip members behind eth1: clients are told 1480, as 1500 do not fit; raise the MTU of eth1 and of routes \
             there to 1520",
        ]
    );
}

#[test]
fn a_reload_changes_modes_at_once_and_a_restart_once_the_way_is_known() {
    let mut world = World::new(vec![farm(&[Forward::Dsr, Forward::Dsr])]);
    for number in [1, 2] {
        set_hop(&mut world, number, |_| {});
    }
    world.update();
    let slots = world.slots(1);
    let mode = |world: &World| world.record(world.index(1)).mode;
    world.specs[0].members[0].forward = Forward::Ipip;
    let mut reloaded = world.clone();
    reloaded.configure();
    assert_eq!(mode(&reloaded), MODE_IPIP);
    world.restart();
    assert_eq!(
        mode(&world),
        MODE_DSR,
        "there is nothing to make a tunnel of"
    );
    assert_eq!(world.slots(1), slots);
    world.update();
    assert_eq!(mode(&world), MODE_IPIP);
    assert_eq!(world.slots(1), slots);
}

#[test]
fn what_is_looked_up_follows_services_and_members() {
    let mut nat = farm(&[Forward::Nat, Forward::Ipip]);
    nat.sources = SourceRules {
        allow: vec!["10.0.0.0/8".parse().unwrap()],
        deny: vec!["10.1.0.0/16".parse().unwrap()],
    };
    let mut quic = service("quic", "192.0.2.2:443", UDP, &[1]);
    (quic.quic, quic.members[0].server_id) = (true, Some(vec![7, 8]));
    quic.quic_lb = Some(QuicLb {
        config_id: 2,
        server_id_len: 2,
    });
    let any = service("any", "192.0.2.2:0", TCP, &[]);
    let mut world = World::new(vec![nat, quic, any]);
    let held = lookups::read(&world.maps);
    assert_eq!(held.settings.features, HAS_WILDCARDS | HAS_REPLIES);
    assert_eq!(world.maps.v4.vips[&[192, 0, 2, 1]], 0);
    assert_eq!(world.maps.v4.vips[&[192, 0, 2, 2]], WILDCARD);
    assert_eq!((held.replies.len(), held.sources.len()), (1, 2));
    let vip = |last: u8, port: u16, protocol| Vip4 {
        address: [192, 0, 2, last],
        port: port.to_be_bytes(),
        protocol,
        reserved: 0,
    };
    let found = world.maps.v4.services[&vip(1, 80, TCP)];
    assert_eq!(found.flags, SOURCE_RULES | ALLOW_LISTED);
    assert_eq!(found.idle_s, 900);
    assert_eq!(world.maps.v4.services[&vip(2, 443, UDP)].quic_lb, 0x0202);
    let (id, index) = held.quic_ids.first_key_value().unwrap();
    assert_eq!(id.octets, [7, 8, 0, 0, 0, 0, 0, 0]);
    assert_eq!(world.record(*index).service, id.service);

    // Everything of what goes is gone, whoever has its id now.
    world.specs = vec![service("barn", "192.0.2.2:80", TCP, &[1])];
    world.configure();
    let held = lookups::read(&world.maps);
    assert_eq!(held.settings.features, 0);
    assert_eq!(held.vips, [(IpAddr::from([192, 0, 2, 2]), false)].into());
    assert!(held.replies.is_empty() && held.sources.is_empty() && held.quic_ids.is_empty());
    assert!(world.restart().is_empty());
}

#[test]
fn flows_of_a_service_of_every_port_are_its_own() {
    let mut any = service("any", "192.0.2.1:0", TCP, &[]);
    any.members = vec![farm(&[Forward::Dsr]).members.remove(0)];
    let member = &mut any.members[0].key;
    (member.port, member.protocol) = (0, 0);
    any.track = Track::Always;
    let mut world = World::new(vec![any]);
    let record = world.record(1);
    let entry = FlowEntry::new(1, record.generation, world.maps.now_ns);
    let flow = |protocol| Flow4 {
        client: [10, 9, 0, 1],
        vip: Vip4 {
            address: [192, 0, 2, 1],
            port: [0, 81],
            protocol,
            reserved: 0,
        },
        client_port: [1, 2],
        reserved: [0; 2],
    };
    for protocol in [TCP, UDP] {
        let mut flows = world.maps.v4.flows.borrow_mut();
        flows.insert(flow(protocol), entry);
    }
    world.sweep();
    let left: Vec<_> = world.maps.v4.flows.borrow().keys().copied().collect();
    assert_eq!(left, [flow(TCP)], "no service has the other");
    assert_eq!(world.service_report().remembered_flows, 1);
}

#[test]
fn a_member_that_translates_for_one_vip_is_turned_away_by_another() {
    let open = |name: &str, vip: &str| {
        let mut spec = service(name, vip, TCP, &[]);
        spec.forward = Forward::Nat;
        spec.self_registered = vec!["10.0.0.0/24".parse().unwrap()];
        spec
    };
    let mut world = World::new(vec![
        open("one", "192.0.2.1:80"),
        open("two", "192.0.2.2:80"),
    ]);
    let other = MemberKey {
        port: 8080,
        ..key(TCP, 1)
    };
    for name in ["one", "two"] {
        let input = world.inputs.groups.entry(group(name)).or_default();
        input.freshness = crate::balance::inputs::Freshness::Live;
        input.members = [key(TCP, 1), other].map(|key| (key, own_word(1))).into();
    }
    world.update();
    let services = world.balancer.report().services;
    let addresses = |at: usize| services[at].members.len();
    assert_eq!((addresses(0), addresses(1)), (2, 0));
    let away = &services[1].turned_away;
    assert_eq!((away.len(), away[0].why), (2, "translated"));
    let member = SocketAddr::from(([10, 0, 0, 1], 8080)).to_string();
    assert!(services[0].members.iter().any(|one| one.address == member));
    assert_eq!(lookups::read(&world.maps).replies.len(), 2);
}

#[test]
fn another_mode_cuts_the_connections_of_members_that_stay_unless_their_packets_stay_the_same() {
    use Forward::*;
    let from = [Dsr, Dsr, Nat, FullNat, Nat, Gre];
    let world = World::new(vec![farm(&from)]);
    let mut wanted = farm(&[Ipip, Nat, FullNat, Nat, Nat, Dsr]);
    let cuts = |spec: &ServiceSpec| -> Vec<String> {
        let cuts = world.balancer.cuts(&vec![spec.clone()].into());
        cuts.iter().map(ToString::to_string).collect()
    };
    let line = |member, change| {
        format!("forward of 10.0.0.{member}:80 changes from {change}: connections open to it break")
    };
    let full = line(4, "full-nat to nat");
    assert_eq!(
        cuts(&wanted),
        [
            line(2, "dsr to nat"),
            line(3, "nat to full-nat"),
            full.clone()
        ]
    );
    wanted.members.drain(1..3);
    assert_eq!(cuts(&wanted), [full], "who goes is not told");
    wanted.vip.set_port(81);
    assert_eq!(cuts(&wanted), [""; 0], "nor who comes");
}

#[test]
fn another_mode_of_a_service_cuts_the_connections_of_members_that_have_registered_themselves() {
    let mut spec = farm(&[]);
    spec.self_registered = vec!["10.0.0.0/24".parse().unwrap()];
    let mut world = World::new(vec![spec.clone()]);
    set_hop(&mut world, 1, |_| {});
    world.say("farm", &[(key(TCP, 1), own_word(10))]);
    assert!(world.member(1).is_some());
    spec.forward = Forward::Nat;
    let cuts = world.balancer.cuts(&vec![spec.clone()].into());
    assert_eq!(cuts.len(), 1, "{cuts:?}");
    spec.self_registered.clear();
    assert_eq!(world.balancer.cuts(&vec![spec].into()), []);
}
