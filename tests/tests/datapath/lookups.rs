//! The small maps, and translations.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use aya::Pod;
use aya::maps::{HashMap, Map, MapData, MapError};
use sasp_ctl::balance::change::{Change, FlowKey, Vip};
use sasp_ctl::balance::lookups::Lookups;
use sasp_ctl::balance::translations::{Judge, Stale, Translation};
use sasp_ctl::datapath::{Datapath, Walk};
use sasp_xdp_common::abi::flow::Flow4;
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::nat::{NatEntry4, REPLY};
use sasp_xdp_common::abi::quic::ServerId;
use sasp_xdp_common::abi::service::Vip4;
use sasp_xdp_common::abi::settings::{HAS_WILDCARDS, Settings};

use crate::lab::Lab;

fn some() -> Lookups {
    let vip = |address: &str| Vip::new(address.parse().unwrap(), 6);
    Lookups {
        settings: Settings {
            features: HAS_WILDCARDS,
            pool_ports: 7,
            ..Settings::default()
        },
        vips: [
            ("192.0.2.1".parse().unwrap(), true),
            ("2001:db8::1".parse().unwrap(), false),
        ]
        .into(),
        replies: [
            (vip("10.0.0.1:80"), vip("192.0.2.1:80")),
            (vip("[fd00::1]:80"), vip("[2001:db8::1]:80")),
        ]
        .into(),
        sources: [
            ((1, "10.0.0.0/8".parse().unwrap()), true),
            ((1, "10.1.0.0/16".parse().unwrap()), false),
            ((1, "0.0.0.0/0".parse().unwrap()), false),
            ((2, "2001:db8::/32".parse().unwrap()), true),
            ((2, "2001:db8::7/128".parse().unwrap()), false),
        ]
        .into(),
        quic_ids: [(
            ServerId {
                service: 1,
                octets: [7; 8],
            },
            9,
        )]
        .into(),
    }
}

fn held(lab: &Lab, datapath: Datapath) -> Lookups {
    drop(datapath);
    lab.attach().take_adopted().lookups
}

#[test]
fn lookups_are_added_changed_and_pruned_and_a_restart_finds_them() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    let first = some();
    datapath
        .apply(&[Change::AddLookups(Arc::new(first.clone()))])
        .unwrap();
    assert_eq!(held(&lab, datapath), first);

    let mut datapath = lab.attach();
    let mut second = some();
    second.vips.insert("192.0.2.1".parse().unwrap(), false);
    second.vips.remove(&"2001:db8::1".parse().unwrap());
    second.replies.pop_first();
    second.sources.retain(|(service, _), _| *service == 2);
    second
        .sources
        .insert((3, "10.0.0.0/8".parse().unwrap()), true);
    second.quic_ids.clear();
    second.settings = Settings::default();
    let second = Arc::new(second);
    datapath
        .apply(&[Change::AddLookups(Arc::clone(&second))])
        .unwrap();
    datapath
        .apply(&[Change::PruneLookups(Arc::clone(&second))])
        .unwrap();
    assert_eq!(held(&lab, datapath), *second);
}

#[test]
fn a_map_that_cannot_hold_old_and_new_together_still_changes() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    // There is room for 8.
    for first in [0, 8, 4] {
        let addresses = (first..first + 8).map(|last| [192, 0, 2, last].into());
        let lookups = Arc::new(Lookups {
            vips: addresses.map(|address| (address, false)).collect(),
            ..Lookups::default()
        });
        datapath
            .apply(&[
                Change::AddLookups(Arc::clone(&lookups)),
                Change::PruneLookups(lookups),
            ])
            .unwrap();
    }
    assert_eq!(held(&lab, datapath).vips.len(), 8);
}

fn open<K: Pod, V: Pod>(directory: &Path, name: &str) -> HashMap<MapData, K, V> {
    let data = MapData::from_pin(directory.join(name)).unwrap();
    Map::HashMap(data).try_into().unwrap()
}

fn flow(client: u8) -> Flow4 {
    Flow4 {
        client: [10, 0, 0, client],
        vip: Vip4 {
            protocol: 6,
            ..Vip4::default()
        },
        ..Flow4::default()
    }
}

/// Both ways of a flow, in the map.
fn put(map: &mut HashMap<MapData, Flow4, NatEntry4>, client: u8) {
    let (forward, back) = (flow(client), flow(client + 100));
    let entry = NatEntry4 {
        other: back,
        owner: 5,
        seen_ns: 9,
        idle_s: 60,
        ..NatEntry4::default()
    };
    map.insert(forward, entry, 0).unwrap();
    let reply = NatEntry4 {
        other: forward,
        state: REPLY,
        ..entry
    };
    map.insert(back, reply, 0).unwrap();
}

fn whole(found: &[Translation], client: u8) -> Stale {
    let find = |flow: Flow4| {
        let key = FlowKey::V4(flow);
        found.iter().find(|entry| entry.key == key).copied()
    };
    Stale::Flow {
        back: find(flow(client + 100)).unwrap(),
        forward: find(flow(client)),
    }
}

/// Who suspects everybody.
fn judge() -> Judge {
    Judge {
        scarce: false,
        owners: BTreeSet::new(),
        now_ns: 0,
    }
}

/// All of them, part by part, with their other ways.
fn walk(datapath: &Datapath) -> Vec<Vec<(Translation, Option<Translation>)>> {
    let (mut walk, mut parts) = (Walk::default(), Vec::new());
    while !walk.is_finished() {
        parts.push(datapath.translations(&mut walk, &judge()).unwrap());
    }
    parts
}

fn translations(datapath: &Datapath) -> Vec<Translation> {
    let found = walk(datapath).into_iter().flatten();
    found.map(|(entry, _)| entry).collect()
}

#[test]
fn a_walk_meets_every_translation_and_its_other_way_a_part_at_a_time() {
    const FLOWS: u32 = 5000;
    let lab = Lab::new();
    let mut options = lab.options();
    options.sizes.translations = 4 * FLOWS;
    drop(lab.try_attach(&options).unwrap());
    let mut map = open(&lab.current(), names::NAT_V4);
    let key = |number: u32| Flow4 {
        client: number.to_be_bytes(),
        ..Flow4::default()
    };
    for number in 0..FLOWS {
        let (forward, back) = (key(number), key(number + FLOWS));
        for (key, other) in [(forward, back), (back, forward)] {
            let entry = NatEntry4 {
                other,
                ..NatEntry4::default()
            };
            map.insert(key, entry, 0).unwrap();
        }
    }
    let parts = walk(&lab.try_attach(&options).unwrap());
    let longest = parts.iter().map(Vec::len).max().unwrap();
    assert!(parts.len() > 2 && longest < 5000, "{longest}");
    let mut met = HashSet::new();
    for (entry, other) in parts.iter().flatten() {
        let other = other.expect("everybody is suspected");
        assert_eq!((other.key, other.other), (entry.other, entry.key));
        met.insert(entry.key);
    }
    assert_eq!(met.len() as u32, 2 * FLOWS);
}

#[test]
fn translations_outlive_the_daemon_and_go_only_as_they_were_read() {
    let lab = Lab::new();
    drop(lab.attach());
    let mut map = open(&lab.current(), names::NAT_V4);
    (1..=3).for_each(|client| put(&mut map, client));
    let mut datapath = lab.attach();
    let found = translations(&datapath);
    assert_eq!(found.len(), 6);

    let stale: Vec<_> = (1..=3).map(|client| whole(&found, client)).collect();
    // The second speaks after it was read, the third is being reclaimed by somebody else.
    let mut spoken: NatEntry4 = map.get(&flow(2), 0).unwrap();
    spoken.seen_ns += 1;
    map.insert(flow(2), spoken, 0).unwrap();
    let mut lock = flow(103);
    lock.reserved = sasp_xdp_common::abi::nat::LOCKED;
    map.insert(lock, NatEntry4::default(), 0).unwrap();
    assert_eq!(datapath.delete_translations(&stale, 10).unwrap(), 1);
    let left = translations(&datapath);
    assert_eq!(left.len(), 5, "{left:?}");
    assert!(map.get(&flow(1), 0).is_err() && map.get(&flow(101), 0).is_err());

    let locks: Vec<_> = left.iter().filter(|entry| entry.is_lock()).collect();
    assert_eq!(locks.len(), 1, "only that of somebody else");
    let stale = [Stale::Alone(*locks[0]), stale[2]];
    assert_eq!(datapath.delete_translations(&stale, 10).unwrap(), 2);
    assert_eq!(translations(&datapath).len(), 2);
}

/// Leaves no room for another entry.
fn fill(map: &mut HashMap<MapData, Flow4, NatEntry4>) {
    let filled = (0_u16..).find_map(|filler| {
        let key = Flow4 {
            client_port: filler.to_be_bytes(),
            ..flow(250)
        };
        map.insert(key, NatEntry4::default(), 0).err()
    });
    assert!(
        matches!(&filled, Some(MapError::SyscallError(error)) if error.io_error.raw_os_error() == Some(libc::E2BIG)),
        "{filled:?}"
    );
}

#[test]
fn a_full_map_of_translations_can_be_emptied() {
    let lab = Lab::new();
    drop(lab.attach());
    let mut map = open(&lab.current(), names::NAT_V4);
    (0..100).for_each(|client| put(&mut map, client));
    fill(&mut map);
    let mut datapath = lab.attach();
    let found = translations(&datapath);
    let stale: Vec<_> = (0..100).map(|client| whole(&found, client)).collect();
    assert_eq!(datapath.delete_translations(&stale, 10).unwrap(), 100);
    let left = translations(&datapath).len();
    assert_eq!(left, found.len() - 200);
}

#[test]
fn a_way_back_alone_leaves_a_full_map_unless_it_has_changed() {
    let lab = Lab::new();
    drop(lab.attach());
    let mut map = open(&lab.current(), names::NAT_V4);
    for client in 0..3 {
        put(&mut map, client);
        map.remove(&flow(client)).unwrap();
    }
    put(&mut map, 3);
    fill(&mut map);
    let mut datapath = lab.attach();
    let found = translations(&datapath);
    let stale = [whole(&found, 0), whole(&found, 1), whole(&found, 3)];
    let mut spoken: NatEntry4 = map.get(&flow(100), 0).unwrap();
    spoken.seen_ns += 1;
    map.insert(flow(100), spoken, 0).unwrap();

    assert_eq!(datapath.delete_translations(&stale, 10).unwrap(), 2);
    let left = translations(&datapath);
    assert_eq!(left.len(), found.len() - 3);
    assert!(left.iter().all(|entry| !entry.is_lock()), "{left:?}");
    assert!(map.get(&flow(100), 0).is_ok() && map.get(&flow(102), 0).is_ok());
}
