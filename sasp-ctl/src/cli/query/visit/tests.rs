//! Against GWMs that are odd; the usual ones are in the tests of the binary.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::sasp::code::VERSION;
use crate::sasp::codec::{decode, encode};
use crate::sasp::frame::Deframer;
use crate::sasp::msg::{GetWeightsReply, Message, SendWeights};

const PATIENCE: Duration = Duration::from_secs(20);

fn plan(members: bool, probes: bool) -> Plan {
    let name = |text: &str| Name::new(text.as_bytes()).unwrap();
    let key = crate::config::member_key::parse("10.0.0.1:80").unwrap();
    Plan {
        uid: name("me"),
        groups: vec![],
        members: members
            .then(|| (name("A"), vec![key]))
            .into_iter()
            .collect(),
        settle: Duration::ZERO,
        probes,
        push: None,
    }
}

/// What a GWM got, in order.
type Got = Arc<Mutex<Vec<Body>>>;

/// A GWM that answers each request with some messages, whose bytes come in two pieces; `None` closes.
async fn gwm(
    mut stream: DuplexStream,
    got: Got,
    mut answer: impl FnMut(u32, &Body) -> Option<Vec<Message>>,
) {
    let mut deframer = Deframer::new(1 << 20);
    let mut buffer = [0; 1024];
    loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        deframer.push(&buffer[..count]);
        while let Some(frame) = deframer.next().unwrap() {
            let message = decode(&frame).unwrap().message;
            let Some(replies) = answer(message.id, &message.body) else {
                return;
            };
            got.lock().unwrap().push(message.body);
            let bytes: Vec<u8> = replies
                .iter()
                .flat_map(|reply| encode(reply).unwrap())
                .collect();
            let (first, rest) = bytes.split_at(bytes.len() / 2);
            stream.write_all(first).await.unwrap();
            tokio::task::yield_now().await;
            stream.write_all(rest).await.unwrap();
        }
    }
}

fn message(id: u32, body: Body) -> Message {
    Message {
        version: VERSION,
        id,
        body,
    }
}

fn weights(id: u32, code: Code) -> Message {
    message(
        id,
        Body::GetWeightsReply(GetWeightsReply {
            code,
            interval: 10,
            groups: vec![],
        }),
    )
}

/// Runs a visit to the end, without printing; how it went, how cleaning up went, and what the GWM got.
async fn visit(
    plan: &Plan,
    answer: impl FnMut(u32, &Body) -> Option<Vec<Message>> + Send + 'static,
) -> (Result<(), Failure>, Result<(), Failure>, Vec<Body>) {
    let (ours, theirs) = tokio::io::duplex(1 << 16);
    let got = Got::default();
    let server = tokio::spawn(gwm(theirs, Arc::clone(&got), answer));
    let asker = Asker::new(ours, "gwm:3860".to_owned(), true, PATIENCE, true);
    let output = Output::new("gwm:3860".to_owned(), plan, true);
    let mut visit = Visit::new(plan, asker, output);
    let done = visit.run().await;
    let cleaned_up = visit.clean_up().await;
    drop(visit);
    server.await.unwrap();
    let got = got.lock().unwrap().clone();
    (done, cleaned_up, got)
}

fn line(failed: Result<(), Failure>) -> String {
    match failed {
        Err(Failure::Failed(line)) => line,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_probe_cannot_succeed_and_is_all_that_is_sent_to_a_known_uid() {
    for code in [Code::DUPLICATE_GROUP, Code::UNKNOWN_GROUP, Code::SUCCESS] {
        for members in [false, true] {
            let (done, _, got) = visit(&plan(members, true), move |id, _| {
                Some(vec![weights(id, code)])
            })
            .await;
            assert!(line(done).contains("--take-over"));
            let [Body::GetWeightsRequest(probe)] = got.as_slice() else {
                panic!("{got:?}");
            };
            let [first, second] = probe.groups.as_slice() else {
                panic!("{probe:?}");
            };
            assert_eq!(first, second);
            assert!(!first.name.is_empty());
        }
    }
}

#[tokio::test]
async fn a_probe_that_passes_is_not_called_harmless() {
    let (done, _, _) = visit(&plan(false, true), |id, _| {
        Some(vec![weights(id, Code::SUCCESS)])
    })
    .await;
    assert!(line(done).contains("may have been cut off"));
}

#[tokio::test]
async fn other_codes_are_refusals_and_say_nothing_of_the_uid() {
    for code in [
        Code::NOT_ACCEPTED,
        Code::NOT_UNDERSTOOD,
        Code::INVALID_LB_UID,
        Code(0x99),
    ] {
        let (done, _, got) = visit(&plan(true, true), move |id, _| {
            Some(vec![weights(id, code)])
        })
        .await;
        let line = line(done);
        assert!(
            line.starts_with("the GWM gwm:3860 refuses the Get Weights Request with code 0x"),
            "{line}"
        );
        assert_eq!(got.len(), 1);
    }
}

#[tokio::test]
async fn what_was_registered_is_deregistered_even_if_the_question_is_refused() {
    let answer = |id: u32, body: &Body| {
        Some(vec![match body {
            Body::RegistrationRequest(_) => message(id, Body::RegistrationReply(Code::SUCCESS)),
            Body::DeregistrationRequest(_) => message(id, Body::DeregistrationReply(Code::SUCCESS)),
            Body::GetWeightsRequest(request) if request.groups.len() == 2 => {
                weights(id, Code::UNKNOWN_LB)
            }
            _ => weights(id, Code::UNKNOWN_GROUP),
        }])
    };
    let (done, cleaned_up, got) = visit(&plan(true, true), answer).await;
    assert!(line(done).contains("0x42"));
    cleaned_up.unwrap();
    let [
        _,
        Body::RegistrationRequest(there),
        _,
        Body::DeregistrationRequest(back),
    ] = got.as_slice()
    else {
        panic!("{got:?}");
    };
    assert_eq!(there.groups, back.groups);
    assert_eq!(back.reason, Reason::PURPOSEFUL);
    assert_eq!((there.flags, back.flags), (FLAG_LB, FLAG_LB));
}

#[tokio::test]
async fn a_refused_registration_is_not_undone() {
    let answer = |id: u32, body: &Body| {
        Some(vec![match body {
            Body::RegistrationRequest(_) => {
                message(id, Body::RegistrationReply(Code::MEMBER_ALREADY_REGISTERED))
            }
            _ => weights(id, Code::UNKNOWN_LB),
        }])
    };
    let (done, cleaned_up, got) = visit(&plan(true, true), answer).await;
    assert!(line(done).contains("0x40"));
    cleaned_up.unwrap();
    assert_eq!(got.len(), 2);
}

#[tokio::test]
async fn a_connection_that_ends_after_the_registration_leaves_members_behind_and_says_so() {
    let answer = |id: u32, body: &Body| match body {
        Body::RegistrationRequest(_) => None,
        _ => Some(vec![weights(id, Code::UNKNOWN_LB)]),
    };
    let (done, cleaned_up, _) = visit(&plan(true, true), answer).await;
    assert!(
        line(done).contains("has closed the connection without answering the Registration Request")
    );
    assert!(cleaned_up.is_err());
}

/// The usual answers.
fn success(id: u32, body: &Body) -> Option<Vec<Message>> {
    Some(vec![match body {
        Body::RegistrationRequest(_) => message(id, Body::RegistrationReply(Code::SUCCESS)),
        Body::DeregistrationRequest(_) => message(id, Body::DeregistrationReply(Code::SUCCESS)),
        _ => weights(id, Code::SUCCESS),
    }])
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_given_up_half_written_is_finished_before_the_members_are_deregistered()
{
    let interrupted = 0;
    let too_slow = 1;
    for end in [interrupted, too_slow] {
        // Takes a reply, but no whole request until the GWM reads.
        let (ours, theirs) = tokio::io::duplex(24);
        let plan = plan(true, false);
        let asker = Asker::new(ours, "gwm:3860".to_owned(), true, PATIENCE, true);
        let output = Output::new("gwm:3860".to_owned(), &plan, true);
        let mut visit = Visit::new(&plan, asker, output);
        if end == interrupted {
            assert!(visit.run().now_or_never().is_none());
        } else {
            assert!(line(visit.run().await).contains("does not answer the Registration Request"));
        }
        let got = Got::default();
        let server = tokio::spawn(gwm(theirs, Arc::clone(&got), success));
        visit.clean_up().await.unwrap();
        drop(visit);
        server.await.unwrap();
        let got = got.lock().unwrap().clone();
        let [
            Body::RegistrationRequest(there),
            Body::DeregistrationRequest(back),
        ] = got.as_slice()
        else {
            panic!("{got:?}");
        };
        assert_eq!(there.groups, back.groups);
    }
}

#[tokio::test]
async fn pushes_and_late_replies_before_the_reply_do_not_disturb() {
    let answer = |id: u32, _: &Body| {
        let push = Body::SendWeights(SendWeights { groups: vec![] });
        Some(vec![
            message(id, push.clone()),
            weights(id + 100, Code::UNKNOWN_LB),
            message(0, push),
            weights(id, Code::UNKNOWN_GROUP),
        ])
    };
    let (done, _, _) = visit(&plan(false, false), answer).await;
    assert!(line(done).contains("0x42 unknown group: LB UID me has no groups"));
}

#[tokio::test]
async fn a_reply_of_the_wrong_type_is_named() {
    let answer = |id: u32, _: &Body| Some(vec![message(id, Body::SetLbStateReply(Code::SUCCESS))]);
    let (done, _, _) = visit(&plan(false, false), answer).await;
    assert!(line(done).ends_with("answers a Get Weights Request with a Set LB State Reply"));
}

#[tokio::test]
async fn the_reply_that_figure_22_prints_is_taken_for_the_right_one() {
    let mut plan = plan(false, false);
    plan.push = Some(Duration::from_millis(1));
    let answer = |id: u32, body: &Body| {
        Some(vec![match body {
            Body::SetLbStateRequest(_) => message(id, Body::DeregistrationReply(Code::SUCCESS)),
            _ => weights(id, Code::SUCCESS),
        }])
    };
    let (done, _, got) = visit(&plan, answer).await;
    done.unwrap();
    let Some(Body::SetLbStateRequest(state)) = got.last() else {
        panic!("{got:?}");
    };
    assert_eq!(state.flags, lb_flags::PUSH);
}
