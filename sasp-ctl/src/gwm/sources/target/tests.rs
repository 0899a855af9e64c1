//! What answers do to a reading.

use super::*;
use crate::gwm::sources::rule::{
    AgentCheck, Auth, Check, Finite, Matching, Pace, Probe, Prometheus,
};

const SECOND: Duration = Duration::from_secs(1);
const PACE: Pace = Pace {
    interval: SECOND,
    timeout: SECOND,
};

fn probe() -> Source {
    Source::Probe(Probe {
        check: Check::Tcp,
        port: None,
        pace: PACE,
        rise: 2,
        fall: 3,
    })
}

fn agent() -> Source {
    Source::AgentCheck(AgentCheck {
        port: 9777,
        send: String::new(),
        pace: PACE,
        fall: 2,
    })
}

fn prometheus() -> Source {
    Source::Prometheus(Prometheus {
        url: String::new(),
        query: String::new(),
        label: String::new(),
        matching: Matching::Address,
        scale: Finite::new(1.0).unwrap(),
        offset: Finite::new(0.0).unwrap(),
        bounds: (0, 100),
        pace: PACE,
        stale: 60 * SECOND,
        auth: Auth::Nobody,
    })
}

fn target(source: &Source) -> (Target, Instant) {
    let now = Instant::now();
    (Target::new(source, None, now), now)
}

#[test]
fn a_probe_is_confident_of_what_it_has_seen_often_enough() {
    let (mut target, now) = target(&probe());
    assert_eq!(target.reading.contact, Some(false));
    assert!(!target.reading.heard);
    target.probed(Probed::NotReached("refused".into()), now);
    assert!(!target.reading.confident, "it may be starting");
    assert_eq!(target.error.as_deref(), Some("refused"));
    target.probed(Probed::Reached, now + SECOND);
    let up = target.reading;
    assert_eq!(
        (up.heard, up.confident, up.contact),
        (true, true, Some(true))
    );
    assert_eq!(target.error, None);
    for _ in 0..2 {
        target.probed(Probed::NotReached("refused".into()), now + 2 * SECOND);
        assert_eq!(target.reading, up);
    }
    target.probed(Probed::NotReached("refused".into()), now + 4 * SECOND);
    assert_eq!(target.reading.contact, Some(false));
    assert!(target.reading.confident, "it knows that nobody is there");
    assert_eq!(target.since, now + 4 * SECOND);
    assert_eq!((target.answers, target.failures), (5, 4));
}

#[test]
fn a_probe_that_cannot_be_made_says_nothing_of_the_member() {
    let (mut target, now) = target(&probe());
    target.probed(Probed::Reached, now);
    for unasked in 1..=3 {
        target.probed(Probed::NotAsked("no descriptors".into()), now);
        assert_eq!(target.reading.contact, Some(true));
        assert_eq!(target.reading.confident, unasked < 3);
    }
    target.probed(Probed::Reached, now);
    assert!(target.reading.confident);
}

#[test]
fn what_an_agent_does_not_mention_stays_as_it_was() {
    let (mut target, now) = target(&agent());
    let mut say = |line: &[u8]| {
        target.agent_said(AgentLine::parse(line).unwrap(), now);
        let Reading {
            contact,
            quiesce,
            percent,
            ..
        } = target.reading;
        (contact, quiesce, percent)
    };
    for (line, expected) in [
        (&b"50%\n"[..], (None, false, Some(50))),
        (b"drain\n", (None, true, Some(50))),
        (b"down # disk\n", (Some(false), true, Some(50))),
        (b"ready\n", (Some(false), false, Some(50))),
        (b"\n", (Some(false), false, Some(50))),
        (b"up 100%\n", (Some(true), false, Some(100))),
        (b"maint\n", (Some(true), true, Some(100))),
    ] {
        assert_eq!(say(line), expected, "{line:?}");
    }
}

#[test]
fn an_agent_that_is_silent_keeps_its_word_but_not_for_ever() {
    let (mut target, now) = target(&agent());
    target.not_asked("refused".into(), now);
    assert!(!target.reading.heard);
    target.agent_said(AgentLine::parse(b"drain 50%").unwrap(), now);
    target.not_asked("refused".into(), now);
    assert!(target.reading.confident);
    target.not_asked("refused".into(), now);
    assert!(!target.reading.confident);
    assert!(target.reading.quiesce);
    assert_eq!(target.reading.percent, Some(50));
    target.agent_said(AgentLine::parse(b"\n").unwrap(), now);
    assert!(target.reading.confident);
    assert!(target.reading.quiesce, "only the agent undoes what it did");
}

#[test]
fn a_word_that_is_not_understood_is_told_but_changes_nothing() {
    let (mut target, now) = target(&agent());
    target.agent_said(AgentLine::parse(b"up load=3").unwrap(), now);
    assert_eq!(target.reading.contact, Some(true));
    assert!(target.error.as_ref().unwrap().contains("load=3"));
}

#[test]
fn a_weight_of_prometheus_outlives_its_server_until_it_is_stale() {
    let (mut target, now) = target(&prometheus());
    let weighed = Weighed {
        weight: 7,
        age: 20 * SECOND,
    };
    target.sampled(Ok(weighed), now);
    assert!(target.reading.confident);
    target.not_asked("refused".into(), now + 40 * SECOND);
    assert!(target.reading.confident);
    target.not_asked("refused".into(), now + 41 * SECOND);
    assert!(!target.reading.confident);
    assert_eq!(target.reading.weight, Some(7));
    target.sampled(Ok(weighed), now + 42 * SECOND);
    assert!(target.reading.confident);
    target.sampled(Err("no sample".into()), now + 43 * SECOND);
    assert!(
        !target.reading.confident,
        "the server says that it knows nothing"
    );
    assert_eq!(target.reading.weight, Some(7));
}

#[test]
fn a_file_says_weight_quiesce_and_down_and_its_failure_leaves_them() {
    let (mut target, now) = target(&Source::File("weights".into()));
    target.in_file(Ok((5, Mark::Quiesce)), now);
    let quiesced = target.reading;
    assert_eq!((quiesced.quiesce, quiesced.contact), (true, None));
    target.in_file(Ok((6, Mark::Down)), now);
    let down = target.reading;
    assert_eq!(
        (down.quiesce, down.contact, down.weight),
        (false, Some(false), Some(6))
    );
    target.not_asked("is gone".into(), now);
    assert_eq!(
        target.reading,
        Reading {
            confident: false,
            ..down
        }
    );
}
