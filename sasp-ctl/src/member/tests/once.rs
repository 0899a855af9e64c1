//! One-shot commands: what is printed, what fails, and how.

use super::server::{Answer, Server};
use super::*;
use crate::member::once::{Action, Error, run};
use crate::sasp::member::Condition;

const QUIESCE: Action = Action::Set(Condition {
    quiesced: true,
    state: 7,
});

/// What was printed, and the line of the failure.
async fn once(settings: Settings, action: Action, wait: bool) -> (Vec<String>, Option<String>) {
    let mut lines = Vec::new();
    let print = |line: &str| {
        lines.push(line.trim_end().to_owned());
        Ok::<(), ()>(())
    };
    let failure = match soon(run(settings, action, wait, print)).await {
        Ok(()) => None,
        Err(Error::Failed(line)) => Some(line),
        Err(Error::Output(())) => panic!("every line can be printed here"),
    };
    (lines, failure)
}

#[tokio::test]
async fn every_action_is_one_request_and_one_line_for_each_balancer() {
    let rows = [
        (Action::Register, REGISTER, None, "is registered in"),
        (Action::Deregister, DEREGISTER, None, "is deregistered from"),
        (QUIESCE, SET_STATE, Some((7, 1)), "is quiesced in"),
        (
            Action::Set(Condition::default()),
            SET_STATE,
            Some((0, 0)),
            "takes new work in",
        ),
    ];
    for (action, kind, condition, words) in rows {
        let mut server = Server::willing().await;
        let (lines, failure) = once(settings(&server, &["A", "B"]), action, false).await;
        assert_eq!(failure, None);
        let line = |uid| format!("10.0.0.1:80 {words} group G of balancer {uid}");
        assert_eq!(lines, [line("A"), line("B")]);
        for uid in ["A", "B"] {
            let heard = server.hear().await;
            assert_eq!(
                (heard.kind, heard.uid.as_str(), heard.condition),
                (kind, uid, condition)
            );
        }
        assert_eq!(server.heard(), []);
    }
}

#[tokio::test]
async fn what_is_so_already_is_done() {
    let rows = [
        (Action::Register, 0x40, "is registered already in"),
        (Action::Deregister, 0x41, "was not registered in"),
        (Action::Deregister, 0x42, "was not registered in"),
    ];
    for (action, code, words) in rows {
        let server = Server::start(move |_| Answer::Code(Code(code))).await;
        let (lines, failure) = once(settings(&server, &["A"]), action, false).await;
        assert_eq!(failure, None, "{code:#04x}");
        assert!(lines[0].contains(words), "{lines:?}");
    }
}

#[tokio::test]
async fn refusals_fail_with_the_code_its_name_and_what_to_do() {
    let rows = [
        (Action::Register, 0x61, "retry in 20 s or more"),
        (Action::Deregister, 0x61, "retry in 20 s or more"),
        (QUIESCE, 0x61, "retry in 20 s or more"),
        (Action::Register, 0x11, "trust = true"),
        (Action::Register, 0x45, "limit"),
        (QUIESCE, 0x41, "register the member first"),
        (QUIESCE, 0x42, "register the member first"),
        (Action::Register, 0x42, "that the balancer has registered"),
        (Action::Register, 0x41, "GWM's log"),
        (Action::Register, 0x10, "does not understand"),
        (Action::Register, 0x51, "--uid"),
        (Action::Register, 0x99, "GWM's log"),
    ];
    for (action, code, advice) in rows {
        let server = Server::start(move |_| Answer::Code(Code(code))).await;
        let (lines, failure) = once(settings(&server, &["A"]), action, false).await;
        assert_eq!(lines, [""; 0]);
        let failure = failure.expect("a failure");
        assert!(failure.contains(&format!("({code:#04x})")), "{failure}");
        assert!(failure.contains(&Code(code).to_string()), "{failure}");
        assert!(failure.contains(advice), "{failure}");
    }
}

#[tokio::test]
async fn one_that_is_refused_takes_no_other_along() {
    let server = Server::start(|heard| {
        Answer::Code(match heard.uid.as_str() {
            "B" => Code::NOT_ACCEPTED,
            _ => Code::SUCCESS,
        })
    })
    .await;
    let (lines, failure) = once(settings(&server, &["A", "B", "C"]), Action::Register, true).await;
    assert_eq!(lines.len(), 2);
    let failure = failure.expect("a failure");
    assert!(failure.starts_with("group G of balancer B:"), "{failure}");
    assert!(!failure.contains(';'), "{failure}");
}

#[tokio::test]
async fn with_wait_what_may_be_done_later_is_tried_until_it_is_done() {
    let mut answers = vec![
        Answer::Code(Code::SUCCESS),
        Answer::Code(Code::LB_NOT_CONTACTED),
        Answer::HangUp,
        Answer::Code(Code::INVALID_GROUP),
        Answer::Code(Code::LB_NOT_CONTACTED),
    ];
    let mut server = Server::start(move |_| answers.pop().unwrap()).await;
    let (lines, failure) = once(settings(&server, &["A"]), Action::Register, true).await;
    assert_eq!((lines.len(), failure), (1, None));
    assert_eq!(server.heard().len(), 5);
}

#[tokio::test]
async fn what_was_done_before_the_connection_was_lost_is_told_once() {
    let mut calls = 0;
    let server = Server::start(move |_| {
        calls += 1;
        match calls {
            2 => Answer::HangUp,
            _ => Answer::Code(Code::SUCCESS),
        }
    })
    .await;
    let (lines, failure) = once(settings(&server, &["A", "B"]), Action::Register, true).await;
    assert_eq!(failure, None);
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[tokio::test]
async fn without_wait_a_lost_connection_is_a_failure() {
    let server = Server::start(|_| Answer::HangUp).await;
    let gwm = server.target().to_string();
    let (lines, failure) = once(settings(&server, &["A"]), Action::Register, false).await;
    assert_eq!(lines, [""; 0]);
    let failure = failure.expect("a failure");
    assert!(
        failure.contains(&gwm) && failure.contains("closed"),
        "{failure}"
    );
    let nobody = settings(&server, &["A"]);
    drop(server);
    let (_, failure) = once(nobody, Action::Register, false).await;
    let failure = failure.expect("a failure");
    assert!(failure.contains("cannot connect"), "{failure}");
}
