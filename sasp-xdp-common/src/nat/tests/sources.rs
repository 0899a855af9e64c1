//! Single `full-nat` flows: when their source becomes another flow's, and what happens where there is none.

use super::wire::*;
use crate::abi::backend::{Backend, MODE_FULL_NAT};
use crate::abi::counters::Reason;
use crate::family::V4;
use crate::maps::host::HostMaps;

const SECOND_NS: u64 = 1_000_000_000;

/// A world with one member and clients 1, 2, ….
fn opened(ports: u16, flows: u16) -> (HostMaps, Backend, Vec<Wire>) {
    let (maps, member) = (maps(1, ports), backend::<V4>(MODE_FULL_NAT, 7, 8080));
    let wires: Vec<Wire> = (0..flows)
        .map(|port| Wire::new::<V4>((wide::<V4>(9, 1), port), (vip::<V4>(), 80), SYN))
        .collect();
    (maps, member, wires)
}

#[test]
fn a_pool_serves_as_many_flows_as_it_has_ports_and_refuses_the_next() {
    let (maps, member, wires) = opened(16, 17);
    let (last, first) = wires.split_last().unwrap();
    for wire in first {
        forward::<V4>(&maps, wire, &member).unwrap();
    }
    let refused = forward::<V4>(&maps, last, &member);
    assert_eq!(refused, Err(Reason::NatExhausted));
    // Towards another member the ports are free.
    forward::<V4>(&maps, last, &backend::<V4>(MODE_FULL_NAT, 8, 8080)).unwrap();
}

#[test]
fn without_a_pool_or_room_nothing_is_translated() {
    let (mut maps, member, wires) = opened(16, 2);
    maps.translations_max = 3;
    forward::<V4>(&maps, &wires[0], &member).unwrap();
    let refused = forward::<V4>(&maps, &wires[1], &member);
    assert_eq!(refused, Err(Reason::NatExhausted));
    assert_eq!(maps.v4.nat.borrow().len(), 2);

    maps.settings.pool_ports = 0;
    maps.v4.nat.borrow_mut().clear();
    let refused = forward::<V4>(&maps, &wires[0], &member);
    assert_eq!(refused, Err(Reason::NatExhausted));
}

#[test]
fn replies_follow_a_client_whose_packets_come_another_way_now() {
    let (maps, member, wires) = opened(16, 1);
    forward::<V4>(&maps, &wires[0], &member).unwrap();
    let moved = Wire {
        macs: [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0x77],
        content: ACK,
        ..wires[0].clone()
    };
    forward::<V4>(&maps, &moved, &member).unwrap();
    let (to, source) = translation::<V4>(&maps, &moved.flow::<V4>());
    let answer = Wire {
        from: to,
        to: source,
        ..moved
    };
    let bytes = reply::<V4>(&maps, &answer).unwrap().unwrap();
    assert_eq!(bytes[..12], [2, 0, 0, 0, 0, 0x77, 2, 0, 0, 0, 0, 1]);
}

#[test]
fn a_flow_that_opens_where_one_was_reset_lives_as_long_as_any() {
    let (mut maps, member, wires) = opened(1, 2);
    let packet = |content| Wire {
        content,
        ..wires[0].clone()
    };
    for content in [SYN, RST, SYN, ACK] {
        forward::<V4>(&maps, &packet(content), &member).unwrap();
    }
    maps.now_ns += 99 * SECOND_NS;
    let refused = forward::<V4>(&maps, &wires[1], &member);
    assert_eq!(refused, Err(Reason::NatExhausted));
    maps.now_ns += 2 * SECOND_NS;
    forward::<V4>(&maps, &wires[1], &member).unwrap();
    let refused = forward::<V4>(&maps, &packet(ACK), &member);
    assert_eq!(refused, Err(Reason::NatUnknown));
}

#[test]
fn a_flow_that_goes_on_after_a_reset_lives_as_long_as_any() {
    let (mut maps, member, wires) = opened(1, 2);
    let packet = |content| Wire {
        content,
        ..wires[0].clone()
    };
    for content in [SYN, ACK, RST, ACK] {
        forward::<V4>(&maps, &packet(content), &member).unwrap();
    }
    maps.now_ns += 99 * SECOND_NS;
    let refused = forward::<V4>(&maps, &wires[1], &member);
    assert_eq!(refused, Err(Reason::NatExhausted));
    forward::<V4>(&maps, &packet(RST), &member).unwrap();
    maps.now_ns += 11 * SECOND_NS;
    forward::<V4>(&maps, &wires[1], &member).unwrap();
}

/// What both sides have to say until a flow is closed.
fn close(maps: &HostMaps, wire: &Wire, member: &Backend) {
    for content in [SYN, ACK, FIN] {
        let packet = Wire {
            content,
            ..wire.clone()
        };
        forward::<V4>(maps, &packet, member).unwrap();
    }
    let (to, source) = translation::<V4>(maps, &wire.flow::<V4>());
    let answer = Wire {
        from: to,
        to: source,
        content: FIN,
        ..wire.clone()
    };
    reply::<V4>(maps, &answer).unwrap().unwrap();
}

#[test]
fn a_closed_flows_source_is_another_flows_after_two_seconds_if_there_is_no_other() {
    let (mut maps, member, wires) = opened(2, 3);
    let sources = |maps: &HostMaps, wire: &Wire| translation::<V4>(maps, &wire.flow::<V4>()).1;
    close(&maps, &wires[0], &member);
    let first = sources(&maps, &wires[0]);
    maps.now_ns += 3 * SECOND_NS;
    // There is one that nobody has.
    forward::<V4>(&maps, &wires[1], &member).unwrap();
    assert_ne!(sources(&maps, &wires[1]), first);
    forward::<V4>(&maps, &wires[2], &member).unwrap();
    assert_eq!(sources(&maps, &wires[2]), first);
    // Whatever of the closed flow is late finds nothing, and harms nobody.
    let late = Wire {
        content: ACK,
        ..wires[0].clone()
    };
    let refused = forward::<V4>(&maps, &late, &member);
    assert_eq!(refused, Err(Reason::NatUnknown));
    assert_eq!(sources(&maps, &wires[2]), first);
}

#[test]
fn neither_a_half_closed_flows_source_nor_one_that_has_just_closed_is_taken() {
    let (mut maps, member, wires) = opened(1, 2);
    for content in [SYN, ACK, FIN] {
        let packet = Wire {
            content,
            ..wires[0].clone()
        };
        forward::<V4>(&maps, &packet, &member).unwrap();
    }
    maps.now_ns += 3 * SECOND_NS;
    let refused = forward::<V4>(&maps, &wires[1], &member);
    assert_eq!(refused, Err(Reason::NatExhausted));
    close(&maps, &wires[0], &member);
    maps.now_ns += 2 * SECOND_NS;
    let refused = forward::<V4>(&maps, &wires[1], &member);
    assert_eq!(refused, Err(Reason::NatExhausted));
    maps.now_ns += 1;
    forward::<V4>(&maps, &wires[1], &member).unwrap();
}

#[test]
fn a_syn_that_was_refused_while_ports_are_free_succeeds_when_it_is_sent_again() {
    const PORTS: u16 = 100;
    let (mut maps, member, wires) = opened(PORTS, PORTS);
    let mut retried = 0;
    for wire in &wires {
        let mut sent = 0;
        while forward::<V4>(&maps, wire, &member).is_err() {
            sent += 1;
            assert!(sent <= 60, "{wire:?} was refused for good");
            maps.now_ns += SECOND_NS;
            // Nobody else falls silent.
            for entry in maps.v4.nat.get_mut().values_mut() {
                entry.seen_ns = maps.now_ns;
            }
        }
        retried += usize::from(sent > 0);
    }
    assert!(retried > 0, "all were lucky");
    assert_eq!(maps.v4.nat.borrow().len(), 2 * usize::from(PORTS));
}
