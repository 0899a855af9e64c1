//! The member's machine under a GWM, a network and a server that do anything at any time.

use std::time::{Duration, Instant};

use sasp_ctl::sasp::{
    client::LinkDown,
    code::{Code, FLAG_LB},
    codec::{decode, encode},
    member::{Agent, Condition, Config, Event, Wanted},
    msg::{Body, Message},
};

use super::supply::Supply;

/// RFC 4678 section 9.2.
const WAIT_MIN: Duration = Duration::from_secs(20);
/// Requests that may be under way, more than the machine allows itself.
const REQUESTS_MAX: usize = 32;
/// No machine needs so many calls at one instant.
const CALLS_MAX: usize = 100;

struct World {
    agent: Agent,
    now: Instant,
    is_connected: bool,
    asked: Vec<(u32, Body)>,
}

/// Bytes as everything that happens to a member.
///
/// # Panics
/// If it breaks a promise.
pub fn member_machine(data: &[u8]) {
    let mut supply = Supply::new(data);
    let now = Instant::now();
    let names = |supply: &mut Supply<'_>, among: &[&str]| {
        let count = supply.u8() % 3;
        (0..count).map(|_| supply.name(among)).collect()
    };
    let (uids, groups) = (
        names(&mut supply, &["edge-1", "edge-2", ""]),
        names(&mut supply, &["G", "H", ""]),
    );
    let config = Config::new(uids, groups, supply.key());
    let mut world = World {
        agent: Agent::new(config, wanted(&mut supply), 1, now),
        now,
        is_connected: false,
        asked: Vec::new(),
    };
    while !supply.is_empty() {
        world.happen(&mut supply);
        world.drain();
    }
}

fn wanted(supply: &mut Supply<'_>) -> Wanted {
    let condition = Condition {
        quiesced: supply.u8() & 1 != 0,
        state: supply.u8(),
    };
    match supply.u8() % 4 {
        0 => Wanted::NOTHING,
        1 => Wanted::GONE,
        2 => Wanted::where_registered(condition),
        _ => Wanted::serving(condition),
    }
}

impl World {
    fn happen(&mut self, supply: &mut Supply<'_>) {
        let now = self.now;
        match supply.u8() % 10 {
            0 | 1 => self.pass(supply.time()),
            2 | 3 => {
                self.agent.handle_connected(now);
                self.is_connected = true;
            }
            4 => {
                let reasons = [LinkDown::Closed, LinkDown::Failed("down".to_owned())];
                self.agent.handle_disconnected(supply.pick(&reasons), now);
                self.is_connected = false;
                self.asked.clear();
            }
            5 => self.agent.handle_bytes(supply.bytes(255), now),
            6 => self.agent.set_wanted(wanted(supply), now),
            _ => self.reply(supply),
        }
    }

    /// Answers the oldest request, mostly as it should be.
    fn reply(&mut self, supply: &mut Supply<'_>) {
        if self.asked.is_empty() {
            return;
        }
        let (id, request) = self.asked.remove(0);
        let code = match supply.u8() {
            0..100 => Code::SUCCESS,
            other => Code(other & 0x7f),
        };
        let body = match request {
            Body::RegistrationRequest(_) => Body::RegistrationReply(code),
            Body::DeregistrationRequest(_) => Body::DeregistrationReply(code),
            Body::SetMemberStateRequest(_) => Body::SetMemberStateReply(code),
            other => panic!("a member asked {other:?}"),
        };
        let message = Message {
            version: 1,
            id,
            body,
        };
        let bytes = encode(&message).expect("small");
        self.agent.handle_bytes(&bytes, self.now);
    }

    /// Lets time pass, and everything that falls due.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut calls = 0;
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            calls = if at > self.now { 0 } else { calls + 1 };
            assert!(calls < CALLS_MAX, "a timer that is not served");
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(bytes) = self.agent.poll_transmit() {
            assert!(self.is_connected, "it speaks without a connection");
            let request = decode(&bytes).expect("it writes what can be read").message;
            assert_is_a_members(&request.body);
            let is_new = self.asked.iter().all(|(id, _)| *id != request.id);
            assert!(is_new, "an id twice");
            self.asked.push((request.id, request.body));
        }
        assert!(self.asked.len() <= REQUESTS_MAX, "too many requests");
        while let Some(event) = self.agent.poll_event() {
            if let Event::Lost { reason, retry_in } = event {
                assert!(retry_in.is_none_or(|wait| wait >= WAIT_MIN));
                assert!(!reason.to_string().contains('\n'));
                self.asked.clear();
            }
        }
    }
}

/// A member speaks for itself: no balancer's flag, exactly one member, a group with a name.
fn assert_is_a_members(body: &Body) {
    let (flags, groups): (u8, Vec<(usize, bool)>) = match body {
        Body::RegistrationRequest(request) => {
            let groups = request.groups.iter();
            (
                request.flags,
                groups
                    .map(|g| (g.items.len(), g.group.name.is_empty()))
                    .collect(),
            )
        }
        Body::DeregistrationRequest(request) => {
            let groups = request.groups.iter();
            (
                request.flags,
                groups
                    .map(|g| (g.items.len(), g.group.name.is_empty()))
                    .collect(),
            )
        }
        Body::SetMemberStateRequest(request) => {
            let groups = request.groups.iter();
            (
                request.flags,
                groups
                    .map(|g| (g.items.len(), g.group.name.is_empty()))
                    .collect(),
            )
        }
        other => panic!("a member asked {other:?}"),
    };
    assert_eq!(flags & FLAG_LB, 0);
    assert!(
        groups.iter().all(|group| *group == (1, false)),
        "{groups:?}"
    );
}
