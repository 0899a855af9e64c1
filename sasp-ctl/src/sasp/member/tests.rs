//! The member's machine on a virtual clock: with scripted replies, and with the GWM's own machine.

mod bytes;
mod gwm;
mod lab;
mod properties;
mod transitions;
mod world;

use std::time::Duration;

use super::*;
use crate::sasp::msg::{MemberKey, Name};

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

/// TCP port 80 of 10.10.10.`last_octet`.
fn key(last_octet: u8) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: [10, 10, 10, last_octet].into(),
    }
}

fn pair(uid: &str, group: &str) -> Pair {
    Pair {
        uid: name(uid),
        group: name(group),
    }
}

fn config(uids: &[&str], groups: &[&str]) -> Config {
    let names = |texts: &[&str]| texts.iter().map(|text| name(text)).collect();
    Config::new(names(uids), names(groups), key(1))
}

const SERVING: Condition = Condition {
    quiesced: false,
    state: 0,
};

const QUIESCED: Condition = Condition {
    quiesced: true,
    state: 0,
};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
