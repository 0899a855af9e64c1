//! What the maps remember of flows.

use std::collections::BTreeSet;

use sasp_ctl::balance::change::FlowKey;

use crate::lab::{EDGE, Lab};
use crate::traffic::{ACK, frame4, frame6, one_service_that_tracks_always, run};

fn port(flow: &FlowKey) -> u16 {
    u16::from_be_bytes(match flow {
        FlowKey::V4(flow) => flow.client_port,
        FlowKey::V6(flow) => flow.client_port,
    })
}

#[test]
fn flows_are_read_and_forgotten_only_while_silent() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    datapath.apply(&one_service_that_tracks_always()).unwrap();
    for port in 0..100 {
        run(&lab, &datapath, &frame4(1000 + port, ACK));
        run(&lab, &datapath, &frame6(1000 + port, ACK));
    }
    let flows = datapath.flows().unwrap();
    assert_eq!(flows.len(), 200);
    assert!(
        flows
            .iter()
            .all(|(_, entry)| entry.backend() == 1 && entry.generation() == 1)
    );

    // One speaks after it was read.
    run(&lab, &datapath, &frame4(1005, ACK));
    let old: Vec<_> = flows
        .iter()
        .filter(|(flow, _)| port(flow) < 1010)
        .map(|(flow, entry)| (*flow, entry.seen_ns))
        .collect();
    assert_eq!(datapath.delete_flows(&old).unwrap(), 19);
    assert_eq!(datapath.delete_flows(&old).unwrap(), 0);
    let left = datapath.flows().unwrap();
    assert_eq!(left.len(), 181);
    assert_eq!(left.iter().filter(|(flow, _)| port(flow) < 1010).count(), 1);
}

#[test]
fn a_full_flow_map_is_read_whole() {
    let lab = Lab::new();
    let mut options = lab.options();
    options.sizes.flows = 20_000;
    let mut datapath = lab.try_attach(&options).unwrap();
    datapath.apply(&one_service_that_tracks_always()).unwrap();
    let ingress = lab.ifindex(EDGE);
    lab.inside(|| {
        for port in 1..=15_000 {
            datapath.run(ingress, &frame4(port, ACK)).unwrap();
        }
    });
    let mut ports: Vec<_> = datapath
        .flows()
        .unwrap()
        .into_iter()
        .map(|(flow, _)| port(&flow))
        .collect();
    let read = ports.len();
    ports.sort_unstable();
    ports.dedup();
    assert_eq!(ports.len(), read, "no flow is read twice");
    // An LRU map that is three quarters full may have dropped some already.
    assert!(read > 14_000, "{read}");
}

/// Flows that speak again only refresh what is remembered of them: nobody has to make room.
#[test]
fn flows_that_go_on_speaking_push_nobody_out_of_a_full_map() {
    let lab = Lab::new();
    let mut datapath = lab.attach();
    datapath.apply(&one_service_that_tracks_always()).unwrap();
    let ingress = lab.ifindex(EDGE);
    let speak = |port: u16| drop(datapath.run(ingress, &frame4(port, ACK)).unwrap());
    let remembered = || -> BTreeSet<u16> {
        let flows = datapath.flows().unwrap();
        flows.iter().map(|(flow, _)| port(flow)).collect()
    };
    lab.inside(|| {
        (1..=2000).for_each(speak);
        let before = remembered();
        let talkative: Vec<u16> = before.iter().copied().step_by(4).collect();
        for _ in 0..10 {
            talkative.iter().copied().for_each(speak);
        }
        assert_eq!(remembered(), before);
    });
}
