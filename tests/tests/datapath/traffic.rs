//! What the maps make of packets.

use std::collections::BTreeMap;
use std::time::Duration;

use sasp_ctl::balance::change::{Change, Vip};
use sasp_ctl::datapath::{Datapath, Error};
use sasp_xdp_common::abi::backend::{Backend, Index, USABLE};
use sasp_xdp_common::abi::counters::Reason;
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::abi::service::{Service, TRACK_ALWAYS, Vip4, Vip6};
use sasp_xdp_common::abi::slot::{Slot, Table};

use crate::lab::{EDGE, Lab};

const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

pub(crate) const SERVICE: u32 = 2;
const VIP4: Vip4 = Vip4 {
    address: [192, 0, 2, 1],
    port: [0, 80],
    protocol: 6,
    reserved: 0,
};
const VIP6: Vip6 = Vip6 {
    address: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
    port: [0, 80],
    protocol: 6,
    reserved: 0,
};

fn backend(ifindex: u32, last: u8) -> Backend {
    Backend {
        flags: USABLE,
        generation: 1,
        ifindex,
        macs: [2, 0, 0, 0, 0, last, 2, 0, 0, 0, 0, 0xee],
        service: SERVICE,
        ..Backend::default()
    }
}

fn table(slot: Slot) -> Box<Table> {
    vec![slot; SLOTS].try_into().unwrap()
}

fn set_table(slot: Slot) -> Change {
    Change::SetTable {
        service: SERVICE,
        table: table(slot),
    }
}

fn set_service(vip: Vip, flags: u32) -> Change {
    Change::SetService {
        vip,
        service: Service::new(SERVICE, flags),
    }
}

/// Backend 1 owns all slots of an IPv4 service.
pub(crate) fn one_service() -> [Change; 3] {
    [
        Change::SetBackend {
            index: 1,
            record: backend(1, 1),
        },
        set_table(Slot::stable(1)),
        set_service(Vip::V4(VIP4), 0),
    ]
}

/// Takes the service of [`one_service`] away, but for its last trace.
pub(crate) fn no_service() -> [Change; 2] {
    [
        Change::RemoveService { vip: Vip::V4(VIP4) },
        Change::RemoveTable { service: SERVICE },
    ]
}

/// As [`one_service`], but for both families, and every flow is remembered.
pub(crate) fn one_service_that_tracks_always() -> Vec<Change> {
    let services = [Vip::V4(VIP4), Vip::V6(VIP6)].map(|vip| set_service(vip, TRACK_ALWAYS));
    one_service().into_iter().chain(services).collect()
}

/// A TCP segment to the VIP from the client's port `port`.
pub(crate) fn frame4(port: u16, flags: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 0xee, 2, 0, 0, 0, 0, 0xcc, 8, 0];
    frame.extend([0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 7]);
    frame.extend(VIP4.address);
    frame.extend(tcp(port, flags));
    frame
}

pub(crate) fn frame6(port: u16, flags: u8) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 0xee, 2, 0, 0, 0, 0, 0xcc, 0x86, 0xdd];
    frame.extend([0x60, 0, 0, 0, 0, 20, 6, 64]);
    frame.extend([0x20, 1, 0xd, 0xb8, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 7]);
    frame.extend(VIP6.address);
    frame.extend(tcp(port, flags));
    frame
}

fn tcp(port: u16, flags: u8) -> Vec<u8> {
    let mut header = port.to_be_bytes().to_vec();
    header.extend([
        0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, 0, 64, 0, 0, 0, 0,
    ]);
    header
}

pub(crate) const SYN: u8 = 2;
pub(crate) const ACK: u8 = 16;

/// The action, and the last byte of the MAC address to which the frame would go.
pub(crate) fn run(lab: &Lab, datapath: &Datapath, frame: &[u8]) -> (u32, u8) {
    let ingress = lab.ifindex(EDGE);
    let ran = lab.inside(|| datapath.run(ingress, frame)).unwrap();
    assert_eq!(
        ran.frame[14..],
        frame[14..],
        "nothing behind the MAC addresses changes"
    );
    (ran.action, ran.frame[5])
}

#[test]
fn packets_to_a_vip_go_to_the_slot_owners_mac_and_others_pass() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    let ifindex = lab.ifindex(EDGE);
    let (four, six) = (frame4(1000, SYN), frame6(1000, SYN));
    assert_eq!(run(&lab, &datapath, &four), (XDP_PASS, 0xee));

    datapath
        .apply(&[
            Change::SetBackend {
                index: 1,
                record: backend(ifindex, 1),
            },
            Change::SetBackend {
                index: 2,
                record: backend(ifindex, 2),
            },
            set_table(Slot::stable(1)),
            set_service(Vip::V4(VIP4), 0),
            set_service(Vip::V6(VIP6), 0),
        ])
        .unwrap();
    assert_eq!(run(&lab, &datapath, &four), (XDP_TX, 1));
    assert_eq!(run(&lab, &datapath, &six), (XDP_TX, 1));

    datapath.apply(&[set_table(Slot::stable(2))]).unwrap();
    assert_eq!(run(&lab, &datapath, &four), (XDP_TX, 2));

    datapath
        .apply(&[Change::RemoveService { vip: Vip::V6(VIP6) }])
        .unwrap();
    assert_eq!(run(&lab, &datapath, &six), (XDP_PASS, 0xee));
    datapath
        .apply(&[Change::RemoveTable { service: SERVICE }])
        .unwrap();
    assert_eq!(run(&lab, &datapath, &four), (XDP_DROP, 0xee));

    let counters = datapath.counters().unwrap();
    let packets: Vec<_> = counters
        .backends
        .iter()
        .map(|(index, traffic)| (*index, traffic.packets))
        .collect();
    assert_eq!(packets, [(1, 2), (2, 1)]);
    assert_eq!(
        counters.backends[0].1.bytes,
        (four.len() + six.len()) as u64
    );
    let reasons: BTreeMap<_, _> = counters
        .reasons
        .iter()
        .map(|(reason, count)| (reason.name(), *count))
        .collect();
    assert_eq!(reasons.len(), Reason::ALL.len());
    assert_eq!(
        (
            reasons["not_vip"],
            reasons["no_table"],
            reasons["bad_length"]
        ),
        (2, 1, 0)
    );
}

#[test]
fn what_was_applied_is_adopted_whole() {
    let lab = Lab::new();
    let mut first = lab.attach();
    let slot = |at: usize| Slot::new((at % 7) as Index, 3, at.is_multiple_of(2));
    let slots: Box<Table> = (0..SLOTS).map(slot).collect::<Vec<_>>().try_into().unwrap();
    first.apply(&one_service()).unwrap();
    first
        .apply(&[
            Change::SetTable {
                service: SERVICE,
                table: slots.clone(),
            },
            set_service(Vip::V6(VIP6), TRACK_ALWAYS),
        ])
        .unwrap();
    drop(first);

    let mut second = lab.attach();
    let adopted = second.take_adopted();
    let service = |flags| Service::new(SERVICE, flags);
    let wanted = [
        (Vip::V4(VIP4), service(0)),
        (Vip::V6(VIP6), service(TRACK_ALWAYS)),
    ];
    assert_eq!(adopted.services, wanted);
    assert_eq!(adopted.backends, [(1, backend(1, 1))]);
    assert_eq!(adopted.tables.len(), 1);
    assert_eq!(adopted.tables[0].0, SERVICE);
    assert!(adopted.tables[0].1 == slots);
}

#[test]
fn a_retired_backend_leaves_its_traffic_to_its_service_and_keeps_its_generation() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    datapath.apply(&one_service()).unwrap();
    let frame = frame4(1000, SYN);
    for _ in 0..3 {
        run(&lab, &datapath, &frame);
    }
    let retire = Change::RetireBackend {
        index: 1,
        service: SERVICE,
    };
    datapath
        .apply(&[set_table(Slot::EMPTY), retire.clone()])
        .unwrap();
    let counters = datapath.counters().unwrap();
    assert_eq!(counters.backends, []);
    let (service, retired) = counters.retired[0];
    assert_eq!((service, retired.packets, retired.opened), (SERVICE, 3, 3));
    assert_eq!(retired.bytes, 3 * frame.len() as u64);

    datapath.apply(&[retire]).unwrap();
    assert_eq!(
        datapath.counters().unwrap().retired[0].1,
        retired,
        "once more adds nothing"
    );
    drop(datapath);

    let mut adopted = lab.attach();
    let left = Backend {
        generation: 1,
        ..Backend::default()
    };
    assert_eq!(adopted.take_adopted().backends, [(1, left)]);
    adopted
        .apply(&[Change::RetireService { service: SERVICE }])
        .unwrap();
    assert_eq!(adopted.counters().unwrap().retired, []);
}

#[test]
fn a_refused_retirement_loses_no_traffic() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    datapath.apply(&one_service()).unwrap();
    run(&lab, &datapath, &frame4(1000, SYN));
    let before = datapath.counters().unwrap().backends;
    let retire = Change::RetireBackend {
        index: 1,
        service: 8,
    };
    datapath.apply(&[retire]).expect_err("out of range");
    assert_eq!(datapath.counters().unwrap().backends, before);
}

/// What was made is not to be made again: a retired backend's index may have its next owner.
#[test]
fn who_fails_says_how_many_changes_were_made() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    let table_of = |service| Change::SetTable {
        service,
        table: table(Slot::stable(1)),
    };
    let record = Change::SetBackend {
        index: 1,
        record: backend(1, 1),
    };
    let vip = Change::RemoveService { vip: Vip::V4(VIP4) };
    for (changes, made) in [
        (vec![table_of(8)], 0),
        (vec![record.clone(), vip, table_of(8)], 2),
        // Tables in a row come or fail together.
        (vec![record, table_of(1), table_of(2), table_of(8)], 1),
    ] {
        let halted = datapath.apply(&changes).expect_err("out of range");
        assert_eq!(halted.made, made);
    }
}

#[test]
fn many_tables_are_published_at_once() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    let all: Vec<_> = (0..8)
        .map(|service| Change::SetTable {
            service,
            table: table(Slot::stable(service as Index)),
        })
        .collect();
    let took = datapath.apply(&all).unwrap();
    println!("8 tables published in {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    // A service's second table in one list counts.
    let twice = [set_table(Slot::stable(5)), set_table(Slot::stable(6))];
    datapath.apply(&twice).unwrap();
    drop(datapath);

    let tables = lab.attach().take_adopted().tables;
    let owners: Vec<_> = tables
        .iter()
        .map(|(id, slots)| (*id, slots[SLOTS - 1].cur()))
        .collect();
    let wanted: Vec<_> = (0..8)
        .map(|id| (id, if id == SERVICE { 6 } else { id as Index }))
        .collect();
    assert_eq!(owners, wanted);
}

#[test]
fn indices_beyond_the_maps_are_refused() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    let service = Service::new(8, 0);
    for change in [
        Change::SetBackend {
            index: 64,
            record: backend(1, 1),
        },
        Change::SetTable {
            service: 8,
            table: table(Slot::EMPTY),
        },
        Change::SetService {
            vip: Vip::V4(VIP4),
            service,
        },
        Change::RemoveTable { service: 8 },
        Change::RetireBackend {
            index: 64,
            service: 0,
        },
        Change::RetireBackend {
            index: 1,
            service: 8,
        },
        Change::RetireService { service: 8 },
    ] {
        let halted = datapath
            .apply(std::slice::from_ref(&change))
            .expect_err("out of range");
        assert!(
            matches!(halted.why, Error::OutOfRange { .. }),
            "{}",
            halted.why
        );
    }
}
