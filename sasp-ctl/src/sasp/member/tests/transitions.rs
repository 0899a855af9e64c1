//! What each code does, in a table; and what lost connections, late replies and silence do.

use super::lab::{Lab, reply};
use super::*;
use crate::sasp::{
    code::{Code, Type},
    codec::encode,
    msg::Body,
};

const REGISTER: Type = Type::REGISTRATION_REQUEST;
const DEREGISTER: Type = Type::DEREGISTRATION_REQUEST;
const SET_STATE: Type = Type::SET_MEMBER_STATE_REQUEST;

const ALL_CODES: [u8; 14] = [
    0x00, 0x10, 0x11, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x50, 0x51, 0x61, 0x7f,
];

/// What follows a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Then {
    /// Nothing is missing.
    Fine,
    /// This is asked at once.
    Asks(Type),
    /// It is asked again after 20 to 25 s.
    Soon,
    /// It is asked again after 225 to 300 s.
    Late,
    /// Nothing is asked ever again.
    Stops,
}

fn follows(lab: &mut Lab) -> Then {
    if let Some(kind) = lab.asked().first() {
        return Then::Asks(*kind);
    }
    if lab.agent.refused() == 1 {
        assert_eq!(lab.agent.link(), Link::Closed);
        assert_eq!(lab.agent.poll_timeout(), None);
        return Then::Stops;
    }
    let is_waiting = lab
        .take_events()
        .iter()
        .any(|event| matches!(event, Event::Waiting { .. }));
    if !is_waiting {
        return Then::Fine;
    }
    assert_eq!(lab.agent.link(), Link::Open, "the connection stays");
    let wait = lab.until_asked();
    match wait.as_secs() {
        20..=25 => Then::Soon,
        225..=300 => Then::Late,
        _ => panic!("asked again after {wait:?}"),
    }
}

#[test]
fn a_registration_is_followed_by_what_its_code_means() {
    for code in ALL_CODES {
        let mut lab = Lab::new(Wanted::serving(SERVING));
        lab.answer(REGISTER, Code(code));
        let expected = match code {
            0x00 => Then::Fine,
            // Whoever registered it may have quiesced it.
            0x40 => Then::Asks(SET_STATE),
            0x43 | 0x61 => Then::Soon,
            0x10 | 0x11 | 0x44 | 0x46 | 0x50 | 0x51 => Then::Stops,
            _ => Then::Late,
        };
        assert_eq!(follows(&mut lab), expected, "{code:#04x}");
    }
}

#[test]
fn a_condition_is_followed_by_what_its_code_means() {
    for code in ALL_CODES {
        let mut lab = Lab::new(Wanted::serving(QUIESCED));
        lab.answer(REGISTER, Code::SUCCESS);
        lab.answer(SET_STATE, Code(code));
        let expected = match code {
            0x00 => Then::Fine,
            0x41 | 0x42 => Then::Asks(REGISTER),
            0x43 | 0x61 => Then::Soon,
            0x10 | 0x11 | 0x44 | 0x46 | 0x50 | 0x51 => Then::Stops,
            _ => Then::Late,
        };
        assert_eq!(follows(&mut lab), expected, "{code:#04x}");
    }
}

#[test]
fn a_deregistration_is_followed_by_what_its_code_means() {
    for code in ALL_CODES {
        let mut lab = Lab::new(Wanted::serving(SERVING));
        lab.answer(REGISTER, Code::SUCCESS);
        lab.want(Wanted::GONE);
        lab.answer(DEREGISTER, Code(code));
        let expected = match code {
            // A balancer that is not there has no members.
            0x00 | 0x41 | 0x42 | 0x43 | 0x61 => Then::Fine,
            0x10 | 0x11 | 0x44 | 0x46 | 0x50 | 0x51 => Then::Stops,
            _ => Then::Late,
        };
        assert_eq!(follows(&mut lab), expected, "{code:#04x}");
        if expected == Then::Fine {
            assert!(lab.agent.is_done());
            assert_eq!(lab.agent.link(), Link::Closed);
        }
    }
}

#[test]
fn for_somebody_elses_member_an_absent_balancer_is_waited_for_whatever_is_wanted() {
    let rows = [
        (Wanted::GONE, DEREGISTER),
        (Wanted::where_registered(QUIESCED), SET_STATE),
    ];
    for (wanted, request) in rows {
        let mut config = config(&["A"], &["G"]);
        config.registered_by_others = true;
        let mut lab = Lab::with(config, wanted);
        lab.answer(request, Code::LB_NOT_CONTACTED);
        assert_eq!(follows(&mut lab), Then::Soon, "{request}");
        lab.answer(request, Code::SUCCESS);
        assert!(lab.agent.is_done(), "{request}");
    }
}

#[test]
fn a_condition_of_what_is_not_registered_is_told_to_nobody() {
    let mut lab = Lab::new(Wanted::where_registered(QUIESCED));
    assert_eq!(lab.agent.link(), Link::Closed);
    assert!(lab.agent.is_done());
    let mut config = config(&["A"], &["G"]);
    config.registered_by_others = true;
    lab = Lab::with(config, Wanted::where_registered(QUIESCED));
    lab.answer(SET_STATE, Code::UNKNOWN_GROUP);
    let not_registered = Event::NotRegistered {
        pair: pair("A", "G"),
        code: Code::UNKNOWN_GROUP,
    };
    assert_eq!(lab.take_events(), [Event::Connected, not_registered]);
    assert!(lab.agent.is_done());
}

#[test]
fn waits_for_an_absent_balancer_grow_to_five_minutes_and_start_anew_when_it_comes() {
    let mut lab = Lab::new(Wanted::serving(SERVING));
    let mut waits = Vec::new();
    for _ in 0..8 {
        lab.answer(REGISTER, Code::LB_NOT_CONTACTED);
        waits.push(lab.until_asked().as_secs());
    }
    assert!(waits.iter().all(|wait| (20..=300).contains(wait)));
    assert!(waits[0] <= 25 && waits[7] >= 225, "{waits:?}");
    lab.answer(REGISTER, Code::SUCCESS);
    assert_eq!(lab.agent.registered(), 1);
    lab.until_asked();
    lab.answer(REGISTER, Code::LB_NOT_CONTACTED);
    assert!(lab.until_asked() <= seconds(25));
}

#[test]
fn a_wait_outlives_the_connection_and_no_connection_is_made_for_nothing() {
    let mut lab = Lab::new(Wanted::serving(SERVING));
    for _ in 0..6 {
        lab.answer(REGISTER, Code::LB_NOT_CONTACTED);
        lab.until_asked();
    }
    lab.answer(REGISTER, Code::LB_NOT_CONTACTED);
    lab.close();
    assert_eq!(lab.agent.link(), Link::Closed);
    assert!(lab.until_asked() >= seconds(225));
}

#[test]
fn a_registration_is_repeated_and_told_only_if_the_gwm_had_forgotten_it() {
    let mut lab = Lab::new(Wanted::serving(QUIESCED));
    lab.answer(REGISTER, Code::SUCCESS);
    lab.answer(SET_STATE, Code::SUCCESS);
    lab.take_events();
    assert_eq!(lab.until_asked(), seconds(60));
    lab.answer(REGISTER, Code::MEMBER_ALREADY_REGISTERED);
    lab.answer(SET_STATE, Code::SUCCESS);
    assert_eq!(lab.take_events(), []);
    assert_eq!(lab.until_asked(), seconds(60));
    lab.answer(REGISTER, Code::SUCCESS);
    lab.answer(SET_STATE, Code::SUCCESS);
    let (pair, how) = (pair("A", "G"), Registration::Renewed);
    let told = Event::Told {
        pair: pair.clone(),
        condition: QUIESCED,
    };
    assert_eq!(lab.take_events(), [Event::Registered { pair, how }, told]);
}

#[test]
fn a_full_gwm_that_refuses_a_repeated_registration_still_has_the_member_if_it_takes_its_condition()
{
    let mut lab = Lab::new(Wanted::serving(SERVING));
    lab.answer(REGISTER, Code::SUCCESS);
    lab.take_events();
    lab.until_asked();
    lab.answer(REGISTER, Code::INVALID_GROUP);
    lab.answer(SET_STATE, Code::SUCCESS);
    assert_eq!(lab.agent.registered(), 1);
    assert_eq!(lab.until_asked(), seconds(60));
    lab.answer(REGISTER, Code::INVALID_GROUP);
    lab.answer(SET_STATE, Code::UNKNOWN_MEMBER);
    lab.take_events();
    lab.answer(REGISTER, Code::INVALID_GROUP);
    assert_eq!(follows(&mut lab), Then::Late);
}

#[test]
fn a_repeated_registration_that_is_refused_waits_before_it_is_repeated_again() {
    for code in [Code::UNKNOWN_MEMBER, Code::UNKNOWN_GROUP, Code(0x99)] {
        let mut lab = Lab::new(Wanted::serving(SERVING));
        lab.answer(REGISTER, Code::SUCCESS);
        lab.until_asked();
        lab.answer(REGISTER, code);
        assert_eq!(follows(&mut lab), Then::Late, "{code}");
    }
}

#[test]
fn going_does_not_wait_for_what_else_was_refused_but_for_its_own_refusal() {
    let mut lab = Lab::new(Wanted::serving(QUIESCED));
    lab.answer(REGISTER, Code::SUCCESS);
    lab.answer(SET_STATE, Code::INVALID_GROUP);
    lab.want(Wanted::GONE);
    lab.answer(DEREGISTER, Code::INVALID_GROUP);
    assert_eq!(follows(&mut lab), Then::Late);
}

#[test]
fn a_gwm_that_contradicts_itself_is_not_asked_in_a_loop() {
    let mut lab = Lab::new(Wanted::serving(QUIESCED));
    for _ in 0..2 {
        lab.answer(REGISTER, Code::SUCCESS);
        lab.answer(SET_STATE, Code::UNKNOWN_MEMBER);
    }
    assert_eq!(follows(&mut lab), Then::Late);
}

#[test]
fn after_a_lost_connection_everything_is_said_again_in_twenty_seconds_or_more() {
    let mut lab = Lab::new(Wanted::serving(QUIESCED));
    lab.answer(REGISTER, Code::SUCCESS);
    lab.answer(SET_STATE, Code::SUCCESS);
    lab.take_events();
    lab.close();
    assert_eq!(
        (lab.agent.registered(), lab.agent.perhaps_registered()),
        (0, 1)
    );
    let wait = lab.until_asked();
    assert!((20..=25).contains(&wait.as_secs()), "{wait:?}");
    lab.answer(REGISTER, Code::MEMBER_ALREADY_REGISTERED);
    lab.answer(SET_STATE, Code::SUCCESS);
    let events = lab.take_events();
    let [
        Event::Lost {
            reason: Lost::Closed,
            ..
        },
        Event::Connected,
        Event::Registered { how, .. },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    assert_eq!(*how, Registration::Already);
}

#[test]
fn a_gwm_that_cannot_be_reached_is_tried_for_ever_at_growing_waits() {
    let mut lab = Lab::new(Wanted::NOTHING);
    lab.up = false;
    lab.want(Wanted::serving(SERVING));
    let mut attempts = 0;
    let end = lab.now + seconds(3600);
    while lab.now < end {
        assert_eq!(lab.agent.link(), Link::Wanted);
        let error = LinkDown::Unreachable("refused".into());
        lab.agent.handle_disconnected(error, lab.now);
        lab.now = lab.agent.poll_timeout().expect("another attempt");
        lab.settle();
        attempts += 1;
    }
    assert!((12..=22).contains(&attempts), "{attempts} in an hour");
}

#[test]
fn an_attempt_that_takes_too_long_has_failed() {
    let mut lab = Lab::new(Wanted::NOTHING);
    lab.up = false;
    lab.want(Wanted::serving(SERVING));
    lab.run(seconds(10));
    let events = lab.take_events();
    assert!(matches!(
        &events[..],
        [Event::Lost {
            reason: Lost::ConnectTimeout,
            retry_in: Some(_)
        }]
    ));
}

#[test]
fn a_reply_that_does_not_come_means_that_the_connection_is_dead() {
    let mut lab = Lab::new(Wanted::serving(SERVING));
    lab.run(seconds(30));
    let reason = Lost::Timeout { request: REGISTER };
    assert!(
        lab.events
            .iter()
            .any(|event| matches!(event, Event::Lost { reason: why, .. } if *why == reason))
    );
    assert_eq!(lab.agent.link(), Link::Closed);
}

#[test]
fn leaving_without_a_reply_to_the_registration_deregisters_what_may_be_there() {
    let mut lab = Lab::new(Wanted::serving(SERVING));
    lab.close();
    lab.want(Wanted::GONE);
    lab.until_asked();
    lab.answer(DEREGISTER, Code::UNKNOWN_MEMBER);
    assert!(lab.agent.is_done());
}

#[test]
fn leaving_before_anything_was_said_needs_no_gwm() {
    let mut lab = Lab::new(Wanted::NOTHING);
    lab.up = false;
    lab.want(Wanted::serving(SERVING));
    assert_eq!(lab.agent.link(), Link::Wanted);
    lab.want(Wanted::GONE);
    assert!(lab.agent.is_done());
    assert_eq!(lab.agent.link(), Link::Closed);
}

#[test]
fn a_reply_typed_as_in_figure_20_belongs_to_its_request_by_its_id() {
    let mut lab = Lab::new(Wanted::serving(QUIESCED));
    lab.answer(REGISTER, Code::SUCCESS);
    let mut message = lab.requests.pop_front().unwrap();
    message.body = Body::DeregistrationReply(Code::SUCCESS);
    lab.deliver(&message);
    lab.settle();
    assert!(
        lab.events
            .iter()
            .any(|event| matches!(event, Event::Told { .. }))
    );
    assert_eq!(lab.agent.registered(), 1);
}

#[test]
fn replies_are_understood_however_they_are_split_and_joined() {
    for size in 1..40 {
        let mut lab = Lab::with(config(&["A", "B"], &["G", "H"]), Wanted::serving(SERVING));
        let replies = lab.requests.drain(..).rev();
        let bytes: Vec<u8> = replies
            .flat_map(|request| encode(&reply(&request, Code::SUCCESS)).unwrap())
            .collect();
        for piece in bytes.chunks(size) {
            lab.agent.handle_bytes(piece, lab.now);
        }
        assert_eq!(lab.agent.registered(), 4, "{size} bytes a piece");
    }
}

#[test]
fn what_answers_no_request_is_ignored() {
    let mut lab = Lab::new(Wanted::serving(SERVING));
    let request = lab.requests[0].clone();
    let mut unknown_id = reply(&request, Code::NOT_ACCEPTED);
    unknown_id.id += 1;
    let mut wrong_type = request.clone();
    wrong_type.body = Body::SetMemberStateReply(Code::NOT_ACCEPTED);
    for message in [unknown_id, wrong_type, request] {
        lab.deliver(&message);
    }
    let mut unknown_type = encode(&reply(&lab.requests[0], Code::SUCCESS)).unwrap();
    unknown_type[13..15].copy_from_slice(&[0x10, 0x77]);
    lab.agent.handle_bytes(&unknown_type, lab.now);
    let events = lab.take_events();
    assert!(matches!(events[..], [Event::Connected, Event::Ignored(_)]));
    lab.answer(REGISTER, Code::SUCCESS);
    assert_eq!(lab.agent.registered(), 1);
}

#[test]
fn a_gwm_of_a_lower_version_is_told_of_and_not_asked_again() {
    let mut lab = Lab::with(config(&["A", "B"], &["G"]), Wanted::serving(SERVING));
    let mut refusal = encode(&reply(&lab.requests[0], Code::NOT_UNDERSTOOD)).unwrap();
    refusal[4] = 0;
    lab.agent.handle_bytes(&refusal, lab.now);
    let events = lab.take_events();
    assert_eq!(events.last(), Some(&Event::VersionRefused { version: 0 }));
    assert_eq!(lab.agent.refused(), 2);
    assert_eq!(
        (lab.agent.link(), lab.agent.poll_timeout()),
        (Link::Closed, None)
    );
}

#[test]
fn a_reply_that_makes_no_sense_and_lost_framing_end_the_connection() {
    let mut lab = Lab::new(Wanted::serving(SERVING));
    let mut bad = encode(&reply(&lab.requests[0], Code::SUCCESS)).unwrap();
    bad[16] = 6;
    lab.agent.handle_bytes(&bad, lab.now);
    assert_eq!(lab.agent.link(), Link::Closed);
    let mut lab = Lab::new(Wanted::serving(SERVING));
    lab.agent.handle_bytes(b"HTTP/1.1 400", lab.now);
    assert_eq!(lab.agent.link(), Link::Closed);
}

#[test]
fn a_pair_that_is_refused_holds_no_other_up() {
    let mut lab = Lab::with(config(&["A", "B"], &["G", "H"]), Wanted::serving(SERVING));
    for code in [0x11, 0x61, 0x45, 0x00] {
        lab.answer(REGISTER, Code(code));
    }
    assert_eq!((lab.agent.refused(), lab.agent.registered()), (1, 1));
    assert_eq!(
        lab.until_asked().as_secs() / 10,
        2,
        "the one that waits for its balancer"
    );
    lab.answer(REGISTER, Code::SUCCESS);
    assert_eq!(lab.agent.registered(), 2);
    lab.want(Wanted::serving(QUIESCED));
    assert_eq!(lab.asked(), [SET_STATE, SET_STATE]);
}

#[test]
fn many_pairs_are_asked_for_a_window_at_a_time() {
    let groups: Vec<_> = (0..100).map(|number| format!("G{number}")).collect();
    let groups: Vec<_> = groups.iter().map(String::as_str).collect();
    let mut lab = Lab::with(config(&["A"], &groups), Wanted::serving(SERVING));
    assert_eq!(lab.requests.len(), 16);
    while !lab.requests.is_empty() {
        lab.answer(REGISTER, Code::SUCCESS);
        assert!(lab.requests.len() <= 16);
    }
    assert_eq!(lab.agent.registered(), 100);
}

#[test]
fn equal_pairs_count_once_and_empty_names_never() {
    let agent = Agent::new(
        config(&["A", "", "A"], &["", "G", "G"]),
        Wanted::NOTHING,
        0,
        Instant::now(),
    );
    assert_eq!(agent.pairs(), 1);
}
