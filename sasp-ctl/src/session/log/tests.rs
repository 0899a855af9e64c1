//! What an operator reads.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::*;
use crate::sasp::{
    client::tests::name,
    code::{Code, Type},
};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What these events print at level info and above.
fn lines(events: &[Event]) -> Vec<String> {
    let out = Lines::default();
    let writer = out.clone();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let mut log = Log::new("gwm.example.net:3860".into());
        events.iter().for_each(|event| log.event(event));
    });
    let bytes = out.0.lock().unwrap().clone();
    String::from_utf8(bytes)
        .unwrap()
        .lines()
        .map(|line| line.trim().to_owned())
        .collect()
}

fn lost(reason: Lost) -> Event {
    Event::Lost {
        reason,
        retry_in: Duration::from_millis(20_700),
    }
}

#[test]
fn a_failure_is_told_once_until_it_is_over_or_another() {
    let unreachable = || lost(Lost::Unreachable("192.0.2.1:3860: refused".into()));
    let first = "WARN not connected, backing off for 20 s gwm=gwm.example.net:3860 \
                 reason=cannot connect: 192.0.2.1:3860: refused";
    let closed = "WARN not connected, backing off for 20 s gwm=gwm.example.net:3860 \
                  reason=the GWM closed the connection";
    let registered = "INFO registered gwm=gwm.example.net:3860 groups=2";
    let synced = Event::Synced { groups: 2 };
    let events = [
        unreachable(),
        unreachable(),
        lost(Lost::Closed),
        synced,
        lost(Lost::Closed),
    ];
    assert_eq!(lines(&events), [first, closed, registered, closed]);
}

#[test]
fn a_refusal_is_told_once_for_each_group_and_code() {
    let refused = |group: &str| Event::Refused {
        request: Type::REGISTRATION_REQUEST,
        group: Some(name(group)),
        code: Code::INVALID_GROUP,
    };
    let line = |group| {
        format!(
            "WARN Registration Request of group {group} refused: invalid group gwm=gwm.example.net:3860"
        )
    };
    assert_eq!(
        lines(&[refused("A"), refused("A"), refused("B")]),
        [line("A"), line("B")]
    );
}

#[test]
fn no_peer_can_fill_the_log() {
    let refused = |code| Event::Refused {
        request: Type::GET_WEIGHTS_REQUEST,
        group: None,
        code: Code(code),
    };
    let events: Vec<_> = (0..=255).map(refused).collect();
    assert_eq!(lines(&events).len(), CAUSES_MAX);
}
