//! The life of an agent: register, follow the server's health, quiesce, deregister.

use std::num::NonZeroU32;
use std::path::Path;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::server::{Answer, Server};
use super::*;
use crate::member::agent::{AgentError, Options, run};
use crate::member::check::{Check, Probe};

fn options() -> Options {
    Options {
        check: None,
        after_success: false,
        state: 0,
        state_file: None,
        interval: Duration::from_millis(5),
        drain: Duration::ZERO,
    }
}

/// Healthy while the file is there; believed at once.
fn check(file: &Path) -> Option<Check> {
    Some(Check {
        probe: Probe::Command(format!("test -e {}", file.display())),
        interval: Duration::from_millis(5),
        timeout: PATIENCE,
        rise: NonZeroU32::MIN,
        fall: NonZeroU32::MIN,
    })
}

struct Running {
    task: JoinHandle<Result<(), AgentError>>,
    stops: mpsc::Sender<&'static str>,
}

fn start(settings: Settings, options: Options) -> Running {
    let (stops, wishes) = mpsc::channel(4);
    Running {
        task: tokio::spawn(run(settings, options, wishes)),
        stops,
    }
}

impl Running {
    async fn stop(&self) {
        self.stops.send("a test's wish").await.unwrap();
    }

    async fn ended(self) -> Result<(), AgentError> {
        soon(self.task).await.expect("no panic")
    }
}

#[tokio::test]
async fn without_a_check_it_registers_and_at_the_end_quiesces_and_deregisters() {
    let mut server = Server::willing().await;
    let long = Options {
        drain: Duration::from_millis(50),
        state: 9,
        ..options()
    };
    let agent = start(settings(&server, &["A"]), long);
    assert_eq!(server.hear_what().await, (REGISTER, None));
    assert_eq!(server.hear_what().await, (SET_STATE, Some((9, 0))));
    agent.stop().await;
    assert_eq!(server.hear_what().await, (SET_STATE, Some((9, 1))));
    assert_eq!(server.hear_what().await, (DEREGISTER, None));
    agent.ended().await.unwrap();
    assert_eq!(server.heard(), []);
}

#[tokio::test]
async fn a_second_wish_to_stop_ends_the_drain() {
    let mut server = Server::willing().await;
    let endless = Options {
        drain: Duration::from_secs(3600),
        ..options()
    };
    let agent = start(settings(&server, &["A"]), endless);
    assert_eq!(server.hear_what().await, (REGISTER, None));
    agent.stop().await;
    assert_eq!(server.hear_what().await, (SET_STATE, Some((0, 1))));
    agent.stop().await;
    assert_eq!(server.hear_what().await, (DEREGISTER, None));
    agent.ended().await.unwrap();
}

#[tokio::test]
async fn an_ill_server_is_quiesced_until_it_is_healthy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("healthy");
    std::fs::write(&file, "").unwrap();
    let mut server = Server::willing().await;
    let checked = Options {
        check: check(&file),
        ..options()
    };
    let agent = start(settings(&server, &["A"]), checked);
    assert_eq!(server.hear_what().await, (REGISTER, None));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(server.hear_what().await, (SET_STATE, Some((0, 1))));
    std::fs::write(&file, "").unwrap();
    assert_eq!(server.hear_what().await, (SET_STATE, Some((0, 0))));
    agent.stop().await;
    assert_eq!(server.hear_what().await, (DEREGISTER, None));
    agent.ended().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_ill_from_the_start_is_registered_quiesced_or_only_once_it_is_healthy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("healthy");
    let mut server = Server::willing().await;
    let checked = Options {
        check: check(&file),
        ..options()
    };
    let agent = start(settings(&server, &["A"]), checked.clone());
    assert_eq!(server.hear_what().await, (REGISTER, None));
    assert_eq!(server.hear_what().await, (SET_STATE, Some((0, 1))));
    agent.stop().await;
    agent.ended().await.unwrap();
    assert_eq!(server.hear_what().await, (DEREGISTER, None));

    let after_success = Options {
        after_success: true,
        ..checked
    };
    let agent = start(settings(&server, &["A"]), after_success.clone());
    std::fs::write(&file, "").unwrap();
    assert_eq!(server.hear_what().await, (REGISTER, None));
    std::fs::remove_file(&file).unwrap();
    assert_eq!(
        server.hear_what().await,
        (SET_STATE, Some((0, 1))),
        "once registered, it stays"
    );
    agent.stop().await;
    agent.ended().await.unwrap();
    assert_eq!(server.hear_what().await, (DEREGISTER, None));

    let agent = start(settings(&server, &["A"]), after_success);
    agent.stop().await;
    agent.ended().await.unwrap();
    assert_eq!(server.heard(), [], "what never was is not taken back");
}

#[tokio::test]
async fn the_state_byte_follows_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("state");
    std::fs::write(&file, "0x32\n").unwrap();
    let mut server = Server::willing().await;
    let with_file = Options {
        state_file: Some(file.clone()),
        ..options()
    };
    let agent = start(settings(&server, &["A"]), with_file);
    assert_eq!(server.hear_what().await, (REGISTER, None));
    assert_eq!(server.hear_what().await, (SET_STATE, Some((0x32, 0))));
    std::fs::write(directory.path().join("new"), "10").unwrap();
    std::fs::rename(directory.path().join("new"), &file).unwrap();
    assert_eq!(server.hear_what().await, (SET_STATE, Some((10, 0))));
    agent.stop().await;
    agent.ended().await.unwrap();
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_everything_said_again() {
    let mut calls = 0;
    let mut server = Server::start(move |_| {
        calls += 1;
        match calls {
            3 => Answer::HangUp,
            _ => Answer::Code(Code::SUCCESS),
        }
    })
    .await;
    let state = Options {
        state: 1,
        ..options()
    };
    let mut fast = settings(&server, &["A"]);
    fast.member.refresh = Some(Duration::from_millis(5));
    let agent = start(fast, state);
    for _ in 0..2 {
        assert_eq!(server.hear_what().await, (REGISTER, None));
        assert_eq!(server.hear_what().await, (SET_STATE, Some((1, 0))));
        // The repetition; on the first connection it is answered by the end of that.
        assert_eq!(server.hear_what().await, (REGISTER, None));
    }
    agent.stop().await;
    agent.ended().await.unwrap();
}

#[tokio::test]
async fn a_balancer_that_is_not_there_is_waited_for() {
    let mut calls = 0;
    let mut server = Server::start(move |_| {
        calls += 1;
        Answer::Code(if calls < 4 {
            Code::LB_NOT_CONTACTED
        } else {
            Code::SUCCESS
        })
    })
    .await;
    let agent = start(settings(&server, &["A"]), options());
    for _ in 0..4 {
        assert_eq!(server.hear_what().await, (REGISTER, None));
    }
    agent.stop().await;
    agent.ended().await.unwrap();
}

#[tokio::test]
async fn where_members_are_not_trusted_it_ends_and_says_so() {
    let server = Server::start(|_| Answer::Code(Code::NOT_ACCEPTED)).await;
    let agent = start(settings(&server, &["A"]), options());
    let error = agent.ended().await.unwrap_err().to_string();
    assert!(error.contains("0x11") && error.contains("trust"), "{error}");
}

#[tokio::test]
async fn one_balancer_without_trust_does_not_end_it_but_counts_at_the_end() {
    let mut server = Server::start(|heard| {
        Answer::Code(match heard.uid.as_str() {
            "A" => Code::NOT_ACCEPTED,
            _ => Code::SUCCESS,
        })
    })
    .await;
    let agent = start(settings(&server, &["A", "B"]), options());
    for uid in ["A", "B"] {
        assert_eq!(server.hear().await.uid, uid);
    }
    agent.stop().await;
    let error = agent.ended().await.unwrap_err();
    assert!(matches!(error, AgentError::Refused(_)), "{error}");
    let last = server.hear().await;
    assert_eq!((last.kind, last.uid.as_str()), (DEREGISTER, "B"));
}

#[tokio::test]
async fn a_gwm_that_is_gone_at_the_end_may_still_have_the_member() {
    let mut server = Server::start(|heard| match heard.kind {
        DEREGISTER => Answer::HangUp,
        _ => Answer::Code(Code::SUCCESS),
    })
    .await;
    let mut slow = settings(&server, &["A"]);
    slow.member.wait_min = PATIENCE;
    let agent = start(slow, options());
    assert_eq!(server.hear_what().await, (REGISTER, None));
    agent.stop().await;
    let error = agent.ended().await.unwrap_err().to_string();
    assert!(error.contains("may still be registered"), "{error}");
    assert!(error.contains("closed"), "{error}");
}

#[tokio::test]
async fn a_gwm_that_does_not_let_it_go_now_holds_nobody_up() {
    let mut server = Server::start(|heard| match heard.kind {
        DEREGISTER => Answer::Code(Code::INVALID_GROUP),
        _ => Answer::Code(Code::SUCCESS),
    })
    .await;
    let mut settings = settings(&server, &["A"]);
    settings.member.wait_max = Duration::from_secs(3600);
    let agent = start(settings, options());
    assert_eq!(server.hear_what().await.0, REGISTER);
    agent.stop().await;
    let error = agent.ended().await.unwrap_err();
    assert!(matches!(error, AgentError::StillRegistered { .. }));
    assert!(error.to_string().contains("(0x45)"), "{error}");
}
