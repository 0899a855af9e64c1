use sasp_xdp_common::abi::flow::Flow4;
use sasp_xdp_common::abi::nat::{
    CLOSED_S, OPENING_S, RESET_S, REUSED_S, SAW_FIN, SAW_MORE, SAW_RST,
};
use sasp_xdp_common::abi::service::Vip4;
use sasp_xdp_common::parse::UDP;

use super::*;

const NOW: u64 = 100_000 * SECOND_NS;
const IDLE: u32 = 900;

fn key(client: u8, protocol: u8) -> FlowKey {
    FlowKey::V4(Flow4 {
        client: [10, 0, 0, client],
        vip: Vip4 {
            protocol,
            ..Vip4::default()
        },
        ..Flow4::default()
    })
}

/// A flow's way forward and back, both silent for so many seconds.
fn flow(protocol: u8, states: (u32, u32), silent: (u32, u32)) -> [Translation; 2] {
    let forward = Translation {
        key: key(1, protocol),
        other: key(2, protocol),
        owner: 7,
        seen_ns: NOW - u64::from(silent.0) * SECOND_NS,
        state: states.0,
        idle_s: IDLE,
    };
    let back = Translation {
        key: forward.other,
        other: forward.key,
        seen_ns: NOW - u64::from(silent.1) * SECOND_NS,
        state: states.1 | REPLY,
        ..forward
    };
    [forward, back]
}

/// What can go of all that is there, found as the data path finds it.
fn stale(all: &[Translation], owned: bool) -> Vec<Stale> {
    stale_if(all, owned, false)
}

fn stale_if(all: &[Translation], owned: bool, scarce: bool) -> Vec<Stale> {
    let owners = if owned {
        BTreeSet::from([7])
    } else {
        BTreeSet::new()
    };
    let judge = Judge {
        owners,
        now_ns: NOW,
        scarce,
    };
    let suspects = all.iter().filter(|entry| judge.suspects(entry));
    suspects
        .filter_map(|entry| {
            let other = all.iter().find(|other| other.key == entry.other);
            judge.judge(entry, other)
        })
        .collect()
}

#[test]
fn a_flow_goes_once_both_ways_have_been_silent_for_as_long_as_its_state_says() {
    for (protocol, states, timeout) in [
        (TCP, (0, 0), OPENING_S),
        (TCP, (SAW_MORE, SAW_MORE), IDLE),
        (TCP, (SAW_MORE | SAW_FIN, SAW_MORE), IDLE),
        (TCP, (SAW_MORE | SAW_FIN, SAW_MORE | SAW_FIN), CLOSED_S),
        (TCP, (SAW_MORE, SAW_RST), RESET_S),
        (UDP, (0, 0), IDLE),
    ] {
        for silent in [(timeout + 1, timeout), (timeout, timeout + 1)] {
            let found = flow(protocol, states, silent);
            assert_eq!(stale(&found, true), [], "{states:?}");
        }
        let [forward, back] = flow(protocol, states, (timeout + 1, timeout + 1));
        let whole = Stale::Flow {
            back,
            forward: Some(forward),
        };
        assert_eq!(stale(&[forward, back], true), [whole], "{states:?}");
    }
}

#[test]
fn where_room_is_scarce_closed_flows_go_early_and_others_do_not() {
    let closed = (SAW_MORE | SAW_FIN, SAW_MORE | SAW_FIN);
    let reset = (SAW_MORE | SAW_RST, SAW_MORE);
    for states in [closed, reset] {
        let found = flow(TCP, states, (REUSED_S, REUSED_S + 1));
        assert_eq!(stale_if(&found, true, true), []);
        let found = flow(TCP, states, (REUSED_S + 1, REUSED_S + 1));
        assert_eq!(stale_if(&found, true, true).len(), 1, "{states:?}");
    }
    let half = (SAW_MORE | SAW_FIN, SAW_MORE);
    for (states, timeout) in [(half, IDLE), ((0, 0), OPENING_S)] {
        let found = flow(TCP, states, (timeout, timeout));
        assert_eq!(stale_if(&found, true, true), [], "{states:?}");
    }
}

#[test]
fn flows_of_a_member_that_is_gone_go_at_once() {
    let [forward, back] = flow(TCP, (SAW_MORE, SAW_MORE), (0, 0));
    let whole = Stale::Flow {
        back,
        forward: Some(forward),
    };
    assert_eq!(stale(&[forward, back], false), [whole]);
}

#[test]
fn a_way_without_its_other_goes_by_its_own_time() {
    let [forward, back] = flow(TCP, (SAW_MORE, SAW_MORE), (IDLE + 1, OPENING_S + 1));
    assert_eq!(stale(&[forward], true), [Stale::Alone(forward)]);
    let alone = Stale::Flow {
        back,
        forward: None,
    };
    assert_eq!(stale(&[back], true), [alone]);
    // Somebody else's way forward is none.
    let stranger = Translation {
        other: key(9, TCP),
        seen_ns: NOW,
        ..forward
    };
    assert_eq!(stale(&[stranger, back], true), [alone]);
    let [forward, back] = flow(TCP, (SAW_MORE, SAW_MORE), (IDLE, OPENING_S));
    assert_eq!(stale(&[forward], true), []);
    assert_eq!(stale(&[back], true), []);
}

#[test]
fn an_idle_time_shorter_than_a_reset_flows_counts_too() {
    let mut found = flow(UDP, (0, 0), (3, 3));
    found.iter_mut().for_each(|entry| entry.idle_s = 2);
    assert_eq!(stale(&found, true).len(), 1);
}

#[test]
fn live_flows_are_counted_by_owner_and_entries_by_family() {
    let [forward, back] = flow(UDP, (0, 0), (0, 0));
    let mut tally = Tally::default();
    tally.add(&forward, None);
    tally.add(&back, None);
    tally.add(&back, Some(&Stale::Alone(back)));
    let flows = BTreeMap::from([(7, 1)]);
    assert_eq!(
        tally,
        Tally {
            v4: 3,
            v6: 0,
            flows
        }
    );
}

#[test]
fn a_lock_goes_only_if_its_owner_must_have_died() {
    let lock = |silent| {
        let [_, back] = flow(TCP, (0, 0), (0, silent));
        let FlowKey::V4(mut flow) = back.key else {
            unreachable!("the flow is of IPv4");
        };
        flow.reserved = LOCKED;
        Translation {
            key: FlowKey::V4(flow),
            ..back
        }
    };
    let longest = LOCK_MAX_S as u32;
    assert_eq!(stale(&[lock(longest)], false), []);
    let left = lock(longest + 1);
    assert_eq!(stale(&[left], true), [Stale::Alone(left)]);
}
