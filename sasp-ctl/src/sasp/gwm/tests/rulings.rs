//! Rulings that are no table of codes: binding, malformed messages, versions, admission.

use super::*;
use crate::sasp::codec::{self, DecodeError};
use crate::sasp::msg::GetWeightsReply;

/// The error that these bytes decode to, after `edit`.
fn broken(body: Body, edit: impl FnOnce(&mut Vec<u8>)) -> DecodeError {
    let message = Message {
        version: VERSION,
        id: 0xdead_beef,
        body,
    };
    let mut bytes = codec::encode(&message).unwrap();
    edit(&mut bytes);
    codec::decode(&bytes).unwrap_err()
}

#[test]
fn a_malformed_request_of_every_type_gets_0x10_in_its_own_reply_type() {
    let rows = [
        (
            register(LB, &[("A", "G", &[1])]),
            Body::RegistrationReply(Code::NOT_UNDERSTOOD),
        ),
        (
            deregister(LB, &[("A", "G", &[1])]),
            Body::DeregistrationReply(Code::NOT_UNDERSTOOD),
        ),
        (
            set_lb_state("A", 0),
            Body::SetLbStateReply(Code::NOT_UNDERSTOOD),
        ),
        (
            set_member_state(LB, (0, 0), &[("A", "G", &[1])]),
            Body::SetMemberStateReply(Code::NOT_UNDERSTOOD),
        ),
        (
            get_weights(&[("A", "G")]),
            Body::GetWeightsReply(GetWeightsReply {
                code: Code::NOT_UNDERSTOOD,
                interval: 10,
                groups: vec![],
            }),
        ),
    ];
    for (request, reply) in rows {
        let wrong_length = broken(request.clone(), |bytes| {
            bytes[16] = bytes[16].wrapping_add(1)
        });
        let wrong_version = broken(request, |bytes| bytes[4] = 2);
        for error in [wrong_length, wrong_version] {
            let mut bed = Bed::new();
            let id = bed.connect();
            bed.gwm.handle_bad_message(id, &error, bed.now);
            let expected = Message {
                version: VERSION,
                id: 0xdead_beef,
                body: reply.clone(),
            };
            assert_eq!(
                bed.gwm.poll_transmit(id, bed.now),
                Some(expected),
                "{error}"
            );
            assert_eq!(
                bed.gwm.poll_transmit(id, bed.now),
                None,
                "one reply per request"
            );
            assert_eq!(bed.closed(), []);
        }
    }
}

#[test]
fn a_decoded_message_of_another_version_gets_0x10_too() {
    let mut bed = Bed::new();
    let id = bed.connect();
    let message = Message {
        version: 2,
        id: 7,
        body: set_lb_state("A", 0),
    };
    bed.gwm.handle_message(id, message, bed.now);
    let reply = bed.gwm.poll_transmit(id, bed.now).unwrap();
    assert_eq!(
        (reply.version, code_of(&reply.body)),
        (VERSION, Code::NOT_UNDERSTOOD)
    );
}

#[test]
fn what_is_no_request_closes_the_connection_without_a_reply() {
    let unknown = broken(set_lb_state("A", 0), |bytes| bytes[13..15].fill(0x77));
    let bad_reply = broken(Body::SetLbStateReply(Code::SUCCESS), |bytes| bytes[16] = 9);
    for error in [unknown, bad_reply] {
        let mut bed = Bed::new();
        let id = bed.connect();
        bed.gwm.handle_bad_message(id, &error, bed.now);
        assert_eq!(bed.closed(), [(id, CloseReason::UnexpectedMessage)]);
        assert_eq!(bed.gwm.poll_transmit(id, bed.now), None);
    }
    let mut bed = Bed::new();
    let id = bed.balancer("A", 0);
    let body = Body::RegistrationReply(Code::SUCCESS);
    bed.gwm.handle_message(
        id,
        Message {
            version: VERSION,
            id: 1,
            body,
        },
        bed.now,
    );
    assert_eq!(bed.closed(), [(id, CloseReason::UnexpectedMessage)]);
    let lost = Event::BalancerLost {
        uid: name("A"),
        peer: "192.0.2.1:1024".parse().unwrap(),
        members: 0,
    };
    assert!(bed.events().contains(&lost), "its grace time starts");
}

#[test]
fn lost_framing_closes_the_connection() {
    let mut bed = Bed::new();
    let id = bed.connect();
    bed.gwm
        .handle_framing_lost(id, FrameError::MessageLength(16), bed.now);
    assert_eq!(bed.closed(), [(id, CloseReason::FramingLost)]);
    bed.gwm
        .handle_framing_lost(id, FrameError::MessageLength(16), bed.now);
    assert_eq!(bed.closed(), [], "only once");
}

#[test]
fn a_group_without_members_makes_the_balancer_known_but_no_group() {
    let mut bed = Bed::new();
    let a = bed.connect();
    assert_eq!(bed.code(a, register(LB, &[("A", "G", &[])])), Code::SUCCESS);
    assert_eq!(bed.code(a, get_weights(&[("A", "G")])), Code::UNKNOWN_GROUP);
    assert_eq!(bed.weights(a, "A", ""), []);
    assert_eq!(
        bed.code(a, deregister(LB, &[("A", "", &[])])),
        Code::SUCCESS
    );
}

#[test]
fn a_request_without_groups_neither_makes_nor_binds_anything() {
    let mut bed = Bed::new();
    let a = bed.connect();
    for request in [
        register(LB, &[]),
        deregister(LB, &[]),
        set_member_state(LB, (0, 0), &[]),
    ] {
        assert_eq!(bed.code(a, request), Code::SUCCESS);
    }
    assert_eq!(bed.gwm.connections[&a].bound, None);
    assert!(bed.gwm.balancers.is_empty());
}

#[test]
fn every_successful_request_of_a_balancer_binds_its_connection() {
    let requests = [
        register(LB, &[("A", "N", &[])]),
        deregister(LB, &[("A", "", &[])]),
        get_weights(&[("A", "")]),
        set_lb_state("A", 0),
        set_member_state(LB, (0, 0), &[("A", "G", &[1])]),
    ];
    for request in requests {
        let mut bed = Bed::new();
        let first = bed.balancer("A", 0);
        assert_eq!(
            bed.code(first, register(LB, &[("A", "G", &[1])])),
            Code::SUCCESS
        );
        let second = bed.connect();
        assert_eq!(bed.code(second, request.clone()), Code::SUCCESS);
        assert_eq!(
            bed.code(second, set_lb_state("B", 0)),
            Code::NOT_ACCEPTED,
            "{request:?}"
        );
    }
}

#[test]
fn the_interval_of_a_reply_is_in_whole_seconds_and_the_real_one_also_in_errors() {
    for (millis, seconds) in [
        (100, 1),
        (1_000, 1),
        (1_001, 2),
        (60_000, 60),
        (99_999_999, 65_535),
    ] {
        let interval = Duration::from_millis(millis);
        let mut bed = Bed::with_policy(Policy {
            interval,
            ..policy()
        });
        let a = bed.connect();
        let Body::GetWeightsReply(reply) = bed.ask(a, get_weights(&[("A", "")])) else {
            panic!("no Get Weights Reply");
        };
        assert_eq!((reply.code, reply.interval), (Code::UNKNOWN_LB, seconds));
    }
}

/// Balancer A from 192.0.2.0/24 only, B from anywhere, nobody else.
fn listed() -> Policy {
    let a = PeerRule {
        sources: vec!["192.0.2.0/24".parse().unwrap()],
        certificate: None,
    };
    let balancers = [(name("A"), a), (name("B"), PeerRule::default())];
    Policy {
        admission: Admission::Listed(balancers.into()),
        ..policy()
    }
}

#[test]
fn listed_balancers_speak_from_their_sources_and_others_not_at_all() {
    let rows = [
        ("192.0.2.9:1", "A", Code::SUCCESS),
        ("[::ffff:192.0.2.9]:1", "A", Code::SUCCESS),
        ("192.0.3.9:1", "A", Code::NOT_ACCEPTED),
        ("[2001:db8::1]:1", "A", Code::NOT_ACCEPTED),
        ("192.0.3.9:1", "B", Code::SUCCESS),
        ("192.0.2.9:1", "C", Code::NOT_ACCEPTED),
    ];
    for (peer, uid, expected) in rows {
        for request in [set_lb_state(uid, 0), register(LB, &[(uid, "G", &[1])])] {
            let mut bed = Bed::with_policy(listed());
            let id = bed.connect_from(peer);
            assert_eq!(bed.code(id, request), expected, "{uid} from {peer}");
        }
    }
}

#[test]
fn a_listed_balancer_is_not_known_before_it_has_spoken_and_sources_do_not_bind_members() {
    let mut bed = Bed::with_policy(listed());
    let elsewhere = bed.connect_from("203.0.113.1:1");
    let by_member = |uid| register(MEMBER, &[(uid, "G", &[1])]);
    assert_eq!(bed.code(elsewhere, by_member("A")), Code::LB_NOT_CONTACTED);
    assert_eq!(bed.code(elsewhere, by_member("C")), Code::NOT_ACCEPTED);
    let early = bed.connect();
    assert_eq!(bed.code(early, get_weights(&[("A", "")])), Code::UNKNOWN_LB);
    bed.balancer("A", TRUST);
    assert_eq!(bed.code(elsewhere, by_member("A")), Code::SUCCESS);
}

#[test]
fn a_balancer_that_a_reload_does_not_list_any_more_is_disconnected_and_keeps_its_grace_time() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", 0);
    let c = bed.balancer("C", 0);
    bed.gwm.set_policy(listed(), bed.now);
    assert_eq!(bed.closed(), [(c, CloseReason::NotAdmitted)]);
    assert_eq!(bed.code(a, set_lb_state("A", 0)), Code::SUCCESS);
    bed.gwm.set_policy(policy(), bed.now);
    let back = bed.connect();
    assert_eq!(bed.weights(back, "C", ""), []);
}

#[test]
fn members_speak_for_themselves_only_where_the_operator_wants_it() {
    let members_speak_for_themselves = true;
    let mut bed = Bed::with_policy(Policy {
        members_speak_for_themselves,
        ..policy()
    });
    bed.balancer("A", TRUST);
    let one = bed.connect_from("[::ffff:10.0.0.1]:5");
    assert_eq!(
        bed.code(one, register(MEMBER, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
    assert_eq!(
        bed.code(one, register(MEMBER, &[("A", "G", &[2])])),
        Code::NOT_ACCEPTED
    );
    let two = bed.connect_from("10.0.0.2:5");
    let quiesce = set_member_state(MEMBER, (0, 1), &[("A", "G", &[1])]);
    assert_eq!(bed.code(two, quiesce), Code::NOT_ACCEPTED);
    assert_eq!(
        bed.code(two, deregister(MEMBER, &[("A", "G", &[1])])),
        Code::NOT_ACCEPTED
    );
    assert_eq!(
        bed.code(one, deregister(MEMBER, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
}

#[test]
fn a_refusal_is_reported_once_per_cause_and_connection_and_counted_every_time() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", 0);
    bed.events();
    for _ in 0..5 {
        assert_eq!(bed.code(a, get_weights(&[("A", "N")])), Code::UNKNOWN_GROUP);
    }
    let refused = Event::Refused {
        uid: Some(name("A")),
        peer: "192.0.2.1:1024".parse().unwrap(),
        kind: get_weights(&[]).kind(),
        refusal: Refusal::UnknownGroup,
        cause: None,
    };
    assert_eq!(bed.events(), [refused]);
    let counted = bed.gwm.counters().replied[&(get_weights(&[]).kind(), Code::UNKNOWN_GROUP)];
    assert_eq!(counted, 5);
}
