//! Every state and what every input makes of it; timers; replies that match nothing.

use super::{lab::Lab, *};
use crate::sasp::{
    code::{Code, Type, weight_flags},
    codec::encode,
    frame::FrameError,
    msg::{Body, Message},
};

/// A lab in this state.
fn lab_in(state: State) -> Lab {
    let mut lab = Lab::new(desired(&[("A", &[1])]));
    match state {
        State::Disabled => lab.client.disable(lab.now),
        State::Connecting => {}
        State::Sync => lab.client.handle_connected(lab.now),
        State::Converging => {
            lab.gwm.newborn.flags &= !weight_flags::CONFIDENT;
            lab.settle();
        }
        State::Active => lab.settle(),
        State::Backoff => {
            lab.client
                .handle_disconnected(LinkDown::Unreachable("no route".into()), lab.now);
        }
        State::Duplicate => {
            for _ in 0..5 {
                lab.reconnect();
                lab.settle();
                lab.close();
            }
        }
    }
    assert_eq!(lab.client.snapshot().state, state);
    lab
}

#[test]
fn the_table_of_states_and_inputs_holds() {
    use State::{Active, Backoff, Connecting, Converging, Disabled, Duplicate, Sync};
    type Input = fn(&mut Lab);
    let enable: Input = |lab| lab.client.enable(lab.now);
    let disable: Input = |lab| lab.client.disable(lab.now);
    let connected: Input = |lab| lab.client.handle_connected(lab.now);
    let closed: Input = |lab| lab.client.handle_disconnected(LinkDown::Closed, lab.now);
    let noise: Input = |lab| lab.client.handle_bytes(b"HTTP/1.1 400", lab.now);
    let much_later: Input = |lab| lab.client.handle_timeout(lab.now + seconds(100_000));
    let leave: Input = |lab| {
        lab.client.deregister_all(lab.now);
        lab.settle();
    };
    let states = [
        Disabled, Connecting, Sync, Converging, Active, Backoff, Duplicate,
    ];
    #[rustfmt::skip]
    let table: [(&str, Input, [State; 7]); 7] = [
        //                         Disabled    Connecting  Sync        Converging  Active      Backoff     Duplicate
        ("enable",     enable,     [Connecting, Connecting, Sync,       Converging, Active,     Backoff,    Duplicate]),
        ("disable",    disable,    [Disabled,   Disabled,   Disabled,   Disabled,   Disabled,   Disabled,   Disabled]),
        ("connected",  connected,  [Disabled,   Sync,       Sync,       Converging, Active,     Backoff,    Duplicate]),
        ("closed",     closed,     [Disabled,   Backoff,    Backoff,    Backoff,    Backoff,    Backoff,    Duplicate]),
        ("noise",      noise,      [Disabled,   Connecting, Backoff,    Backoff,    Backoff,    Backoff,    Duplicate]),
        // An attempt or a request has run out of time; without a request it is time for one.
        ("much later", much_later, [Disabled,   Backoff,    Backoff,    Active,     Active,     Connecting, Connecting]),
        ("leave",      leave,      [Disabled,   Disabled,   Disabled,   Disabled,   Disabled,   Disabled,   Disabled]),
    ];
    for (input_name, input, expected) in table {
        for (state, expected) in states.into_iter().zip(expected) {
            let mut lab = lab_in(state);
            input(&mut lab);
            assert_eq!(
                lab.client.snapshot().state,
                expected,
                "{input_name} in {state:?}"
            );
        }
    }
}

#[test]
fn leaving_without_a_connection_says_so() {
    for state in [
        State::Disabled,
        State::Connecting,
        State::Backoff,
        State::Duplicate,
    ] {
        let mut lab = lab_in(state);
        lab.up = false;
        lab.events.clear();
        lab.client.deregister_all(lab.now);
        let told = Event::DeregisteredAll(Err(NotDeregistered::NotConnected));
        assert!(lab.take_events().contains(&told), "{state:?}");
    }
}

#[test]
fn leaving_ends_with_what_the_gwm_says() {
    let mut lab = lab_in(State::Active);
    lab.gwm
        .refuse
        .push_back((Type::DEREGISTRATION_REQUEST, Code::NOT_ACCEPTED));
    lab.events.clear();
    lab.client.deregister_all(lab.now);
    let refused = Err(NotDeregistered::Refused(Code::NOT_ACCEPTED));
    assert_eq!(lab.take_events(), [Event::DeregisteredAll(refused)]);

    let mut lab = lab_in(State::Active);
    lab.gwm.mute.insert(Type::DEREGISTRATION_REQUEST);
    lab.events.clear();
    lab.client.deregister_all(lab.now);
    lab.settle();
    lab.close();
    assert_eq!(
        lab.take_events(),
        [Event::DeregisteredAll(Err(NotDeregistered::Lost))]
    );
}

#[test]
fn a_request_without_a_reply_ends_the_connection_after_the_timeout() {
    let mut lab = lab_in(State::Active);
    lab.gwm.mute.insert(Type::GET_WEIGHTS_REQUEST);
    lab.run(seconds(159));
    assert_eq!(lab.client.snapshot().state, State::Active);
    lab.run(seconds(1));
    assert_eq!(lab.client.snapshot().state, State::Backoff);
    let request = Type::GET_WEIGHTS_REQUEST;
    let lost = |event: &Event| matches!(event, Event::Lost { reason, .. } if *reason == Lost::Timeout { request });
    assert!(lab.take_events().iter().any(lost));
}

#[test]
fn no_attempt_comes_before_the_minimal_wait() {
    let mut lab = lab_in(State::Active);
    lab.close();
    lab.run(seconds(19));
    assert_eq!(lab.client.snapshot().counters.connects, 1);
    lab.run(seconds(6));
    assert_eq!(lab.client.snapshot().counters.connects, 2);
}

#[test]
fn polling_follows_the_longer_of_our_interval_and_the_gwms() {
    let cases = [
        (None, 0, 60),
        (None, 7, 7),
        (Some(seconds(10)), 0, 10),
        (Some(seconds(10)), 7, 10),
        (Some(seconds(10)), 30, 30),
        (Some(seconds(10)), 65535, 65535),
    ];
    for (ours, theirs, expected) in cases {
        let config = Config {
            poll_interval: ours,
            ..config()
        };
        let mut lab = Lab::with(config, desired(&[("A", &[1])]));
        lab.gwm.interval = theirs;
        lab.settle();
        lab.gwm.heard.clear();
        lab.run(seconds(expected * 10));
        assert_eq!(lab.gwm.heard.len(), 10, "ours {ours:?}, theirs {theirs}");
    }
}

#[test]
fn replies_that_match_nothing_are_counted_and_change_nothing() {
    let mut lab = lab_in(State::Sync);
    let reply = |id, body| {
        encode(&Message {
            version: 1,
            id,
            body,
        })
        .unwrap()
    };
    lab.deliver(&reply(99, Body::SetLbStateReply(Code::SUCCESS)));
    lab.deliver(&reply(1, Body::RegistrationReply(Code::SUCCESS)));
    lab.deliver(&reply(
        1,
        Body::SetLbStateRequest(crate::sasp::msg::SetLbStateRequest {
            lb_uid: name("edge-1"),
            health: 0,
            flags: 0,
        }),
    ));
    let counters = lab.client.snapshot().counters;
    assert_eq!(
        (
            counters.unknown_ids,
            counters.wrong_types,
            counters.unexpected
        ),
        (1, 1, 1)
    );
    assert_eq!(lab.client.snapshot().state, State::Sync);
    lab.settle();
    assert_eq!(lab.client.snapshot().state, State::Active);
}

#[test]
fn groups_of_another_balancer_are_ignored() {
    let mut lab = Lab::with(Config::new(name("edge-2")), desired(&[("A", &[1])]));
    lab.settle();
    assert_eq!(lab.client.snapshot().counters.foreign_groups, 1);
}

#[test]
fn a_gwm_of_another_version_is_left_with_its_version() {
    let mut lab = lab_in(State::Sync);
    let reply = encode(&Message {
        version: 0,
        id: 1,
        body: Body::SetLbStateReply(Code::NOT_UNDERSTOOD),
    });
    lab.deliver(&reply.unwrap());
    assert_eq!(
        lab.client.snapshot().last_error.as_deref(),
        Some("the GWM speaks version 0 of SASP, we speak 1 only")
    );
    assert_eq!(lab.client.snapshot().state, State::Backoff);
}

#[test]
fn garbage_is_ignored_where_framing_holds_and_nobody_waits_for_it() {
    let mut lab = lab_in(State::Active);
    let mut push = lab.gwm.push(None);
    let last = push.len() - 9;
    push[last] ^= 0xff;
    lab.events.clear();
    lab.deliver(&push);
    assert!(matches!(lab.take_events()[..], [Event::Ignored(_)]));
    assert_eq!(lab.client.snapshot().counters.undecodable, 1);

    let mut lab = lab_in(State::Sync);
    let mut reply = encode(&Message {
        version: 1,
        id: 1,
        body: Body::SetLbStateReply(Code::SUCCESS),
    })
    .unwrap();
    reply[16] = 6;
    lab.deliver(&reply);
    assert_eq!(
        lab.client.snapshot().state,
        State::Backoff,
        "a reply that we wait for"
    );
}

#[test]
fn what_is_no_reply_is_ignored_even_under_the_id_of_a_request() {
    let mut lab = lab_in(State::Sync);
    let mut unknown = encode(&Message {
        version: 1,
        id: 1,
        body: Body::SetLbStateReply(Code::SUCCESS),
    })
    .unwrap();
    unknown[13..15].copy_from_slice(&0x1099_u16.to_be_bytes());
    let mut push = lab.gwm.push(None);
    push[9..13].copy_from_slice(&1_u32.to_be_bytes());
    push[16] ^= 0xff;
    lab.deliver(&unknown);
    lab.deliver(&push);
    assert_eq!(lab.client.snapshot().counters.undecodable, 2);
    lab.settle();
    assert_eq!(lab.client.snapshot().state, State::Active);
}

#[test]
fn an_oversized_message_is_lost_framing() {
    let config = Config {
        message_limit: 100,
        ..config()
    };
    let mut lab = Lab::with(config, desired(&[("A", &[1, 2, 3])]));
    lab.settle();
    let lost = |event: &Event| {
        matches!(
            event,
            Event::Lost {
                reason: Lost::Framing(FrameError::TooLong { .. }),
                ..
            }
        )
    };
    assert!(lab.events.iter().any(lost));
}

#[test]
fn a_gwm_that_does_not_admit_us_is_tried_again_ever_more_slowly() {
    let mut lab = Lab::new(desired(&[("A", &[1])]));
    lab.gwm
        .refuse
        .extend([(Type::SET_LB_STATE_REQUEST, Code::NOT_ACCEPTED); 1000]);
    lab.run(seconds(3600));
    let snapshot = lab.client.snapshot();
    assert!((12..24).contains(&snapshot.counters.losses), "{snapshot:?}");
    assert!(!snapshot.duplicate_uid);
}

#[test]
fn connections_that_are_closed_soon_after_sync_show_a_twin() {
    let mut lab = lab_in(State::Active);
    for strike in 1..=5 {
        lab.run(seconds(21));
        assert!(!lab.client.snapshot().duplicate_uid, "{strike}");
        lab.close();
        let duplicate = strike == 5;
        let state = lab.client.snapshot().state;
        assert_eq!(state == State::Duplicate, duplicate, "{strike}");
        assert_eq!(state == State::Backoff, !duplicate, "{strike}");
        let snapshot = lab.client.snapshot();
        let wait = snapshot.retry_at.map(|at| at.duration_since(lab.now));
        assert_eq!(wait >= Some(seconds(225)), duplicate, "{strike}");
        lab.reconnect();
    }
    assert!(lab.client.snapshot().duplicate_uid);
    assert_eq!(lab.client.link(), Link::Open, "and still it is tried");
    assert_eq!(
        lab.events
            .iter()
            .filter(|event| **event == Event::DuplicateUid)
            .count(),
        1
    );
}

#[test]
fn large_groups_are_registered_in_pieces_below_a_mebibyte() {
    let label = Name::new(vec![b'x'; 255]).unwrap();
    let keys = (0..2500_u16).map(|port| MemberKey { port, ..key(1) });
    let member = DesiredMember {
        label,
        quiesced: false,
    };
    let mut wanted = Desired::default();
    wanted
        .groups
        .insert(name("A"), keys.map(|key| (key, member.clone())).collect());
    let mut lab = Lab::new(wanted);
    lab.settle();
    let sizes: Vec<_> = lab
        .gwm
        .heard
        .iter()
        .filter_map(|body| match body {
            Body::RegistrationRequest(request) => Some(request.groups[0].items.len()),
            _ => None,
        })
        .collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    assert_eq!(lab.client.snapshot().registered_members, 2500);
}

#[test]
fn a_snapshot_names_types_and_codes_in_json() {
    let lab = lab_in(State::Active);
    let json = serde_json::to_value(lab.client.snapshot()).unwrap();
    assert_eq!(json["state"], "active");
    assert_eq!(json["registered_groups"], 1);
    assert_eq!(json["counters"]["sent"]["Registration Request"], 1);
    assert_eq!(json["counters"]["codes"]["Get Weights Reply"]["success"], 1);
}
