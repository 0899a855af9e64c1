use super::*;
use crate::abi::backend::USABLE;
use crate::abi::backend::{Backend, Index};
use crate::abi::counters::Class;
use crate::abi::flow::Flow4;
use crate::abi::flow::FlowEntry;
use crate::abi::service::Vip4;
use crate::abi::service::{AFFINITY_CLIENT, Service, TRACK_ALWAYS};
use crate::abi::slot::{Slot, Table};
use crate::hash::Hash as _;
use crate::maps::host::HostMaps;
use crate::packet::Frame;
use crate::parse;

const SERVICE: u32 = 5;
const VIP: Vip4 = Vip4 {
    address: [192, 0, 2, 1],
    port: [0, 80],
    protocol: parse::TCP,
    reserved: 0,
};
const FLOW: Flow4 = Flow4 {
    client: [198, 51, 100, 7],
    vip: VIP,
    client_port: [0x9c, 0x40],
    reserved: [0; 2],
};
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const RST: u8 = 0x04;

/// Backends 1 to 3 are there, every slot is `slot`.
fn maps(slot: Slot, flags: u32) -> HostMaps {
    let mut maps = HostMaps::new(7);
    maps.now_ns = 1000;
    maps.v4.services.insert(VIP, Service::new(SERVICE, flags));
    maps.tables.insert(SERVICE, table(slot));
    for index in 1..=3 {
        maps.backends[index] = Backend {
            flags: USABLE,
            generation: 10 + index as u32,
            ifindex: 20 + index as u32,
            macs: [index as u8; 12],
            ..Backend::default()
        };
    }
    maps
}

fn table(slot: Slot) -> Box<Table> {
    vec![slot; size_of::<Table>() / size_of::<Slot>()]
        .try_into()
        .unwrap()
}

/// A TCP segment of [`FLOW`].
fn frame(flags: u8) -> Vec<u8> {
    let mut frame = vec![0; 12];
    frame.extend([
        0x08,
        0x00,
        0x45,
        0,
        0,
        40,
        0,
        0,
        0x40,
        0,
        64,
        parse::TCP,
        0,
        0,
    ]);
    frame.extend(FLOW.client);
    frame.extend(VIP.address);
    frame.extend(FLOW.client_port);
    frame.extend(VIP.port);
    frame.extend([0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
    frame
}

fn send(maps: &HostMaps, flags: u8) -> Result<Index, Reason> {
    let bytes = frame(flags);
    let mut packet = Frame {
        bytes,
        ingress_ifindex: 1,
    };
    let before = maps.clone();
    let verdict = balance(&mut packet, maps);
    if verdict.ifindex().is_some() {
        return Ok(verdict.index());
    }
    let mut counted = Reason::ALL.iter().filter(|reason| {
        reason.class() != Class::Note && maps.counted(**reason) != before.counted(**reason)
    });
    Err(*counted.next().unwrap())
}

fn remembered(maps: &HostMaps) -> Option<FlowEntry> {
    maps.v4.flows.borrow().get(&FLOW).copied()
}

#[test]
fn a_frame_leaves_for_its_backend_with_nothing_changed_but_the_macs() {
    let maps = maps(Slot::stable(2), 0);
    let before = frame(SYN);
    let bytes = before.clone();
    let mut packet = Frame {
        bytes,
        ingress_ifindex: 1,
    };
    let sent = balance(&mut packet, &maps);
    assert_eq!(sent, Verdict::leave(22, 2));
    assert_eq!(packet.bytes[..12], [2; 12]);
    assert_eq!(packet.bytes[12..], before[12..]);
    let traffic = maps.traffic(2);
    assert_eq!((traffic.packets, traffic.bytes, traffic.opened), (1, 54, 1));
}

#[test]
fn a_stable_slot_touches_no_flow_map() {
    let maps = maps(Slot::stable(2), 0);
    let known = FlowEntry::new(3, 13, 1);
    maps.v4.flows.borrow_mut().insert(FLOW, known);
    for flags in [SYN, ACK, RST] {
        assert_eq!(send(&maps, flags), Ok(2));
    }
    assert_eq!(remembered(&maps), Some(known));
    assert_eq!(maps.counted(Reason::FlowFollowed), 0);
}

#[test]
fn a_fresh_slot_remembers_who_got_the_flow_and_when() {
    let mut maps = maps(Slot::new(1, 2, true), 0);
    assert_eq!(send(&maps, ACK), Ok(2));
    assert_eq!(remembered(&maps), Some(FlowEntry::new(2, 12, 1000)));
    assert_eq!(maps.counted(Reason::FlowRemembered), 1);
    maps.now_ns = 2000;
    maps.tables.insert(SERVICE, table(Slot::new(1, 1, true)));
    assert_eq!(send(&maps, ACK), Ok(2));
    assert_eq!(remembered(&maps), Some(FlowEntry::new(2, 12, 2000)));
    assert_eq!(maps.counted(Reason::FlowFollowed), 1);
    maps.now_ns = 3000;
    assert_eq!(send(&maps, RST), Ok(2));
    assert_eq!(remembered(&maps), Some(FlowEntry::new(2, 12, 2000)));
    assert_eq!(send(&maps, SYN), Ok(1));
    assert_eq!(remembered(&maps), Some(FlowEntry::new(1, 11, 3000)));
}

#[test]
fn a_reused_index_is_not_mistaken_for_its_former_owner() {
    let mut maps = maps(Slot::new(1, 1, true), 0);
    maps.v4
        .flows
        .borrow_mut()
        .insert(FLOW, FlowEntry::new(3, 12, 1));
    assert_eq!(send(&maps, ACK), Ok(1));
    maps.v4
        .flows
        .borrow_mut()
        .insert(FLOW, FlowEntry::new(3, 13, 1));
    assert_eq!(send(&maps, ACK), Ok(3));
    maps.backends[3].flags = 0;
    assert_eq!(send(&maps, ACK), Ok(1));
}

#[test]
fn a_service_that_tracks_always_follows_flows_in_stable_slots() {
    let mut maps = maps(Slot::stable(1), TRACK_ALWAYS);
    assert_eq!(send(&maps, SYN), Ok(1));
    maps.tables.insert(SERVICE, table(Slot::stable(2)));
    assert_eq!(send(&maps, ACK), Ok(1));
    assert_eq!(send(&maps, SYN), Ok(2));
}

#[test]
fn a_flow_map_that_is_full_is_counted_and_stops_no_packet() {
    let mut maps = maps(Slot::new(1, 2, true), 0);
    maps.flows_max = 0;
    assert_eq!(send(&maps, ACK), Ok(2));
    assert_eq!(remembered(&maps), None);
    assert_eq!(maps.counted(Reason::FlowNotRemembered), 1);
}

#[test]
fn what_has_no_way_to_go_says_why() {
    let mut maps = maps(Slot::stable(2), 0);
    maps.backends[2].flags = 0;
    assert_eq!(send(&maps, SYN), Err(Reason::NoBackend));
    maps.tables.insert(SERVICE, table(Slot::EMPTY));
    maps.backends[0].flags = USABLE;
    assert_eq!(
        send(&maps, SYN),
        Err(Reason::NoBackend),
        "index 0 is nobody whatever it holds"
    );
    maps.tables.insert(SERVICE, table(Slot::stable(u16::MAX)));
    assert_eq!(send(&maps, SYN), Err(Reason::NoBackend), "beyond the map");
    maps.tables.clear();
    assert_eq!(send(&maps, SYN), Err(Reason::NoTable));
    maps.v4.services.clear();
    assert_eq!(send(&maps, SYN), Err(Reason::NotVip));
}

#[test]
fn all_flows_of_a_client_share_a_slot_where_the_service_says_so() {
    let mut maps = maps(Slot::EMPTY, AFFINITY_CLIENT);
    let slot = crate::abi::slot::slot_of(FLOW.hash_client(maps.seed));
    let mut only_one = table(Slot::EMPTY);
    only_one[slot] = Slot::stable(3);
    maps.tables.insert(SERVICE, only_one);
    assert_eq!(send(&maps, SYN), Ok(3));
    maps.v4.services.insert(VIP, Service::new(SERVICE, 0));
    assert_eq!(send(&maps, SYN), Err(Reason::NoBackend));
}
