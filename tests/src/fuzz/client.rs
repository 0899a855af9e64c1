//! The balancer's machine under a GWM, a network and an owner who do anything at any time.

use std::time::{Duration, Instant};

use sasp_ctl::sasp::{
    client::{Client, Config, Desired, DesiredMember, Event, LbState, Link, LinkDown},
    code::Code,
    codec::{decode, encode},
    msg::{Body, GetWeightsReply, Message, Name, SendWeights, WeightEntry},
};

use super::supply::Supply;

/// RFC 4678 section 9.2.
const WAIT_MIN: Duration = Duration::from_secs(20);
/// Requests that may be under way, more than the machine allows itself.
const REQUESTS_MAX: usize = 32;
/// No machine needs so many calls at one instant.
const CALLS_MAX: usize = 100;

const UIDS: [&str; 4] = ["edge-1", "edge-1", "edge-1", "other"];

struct World {
    client: Client,
    now: Instant,
    /// Ids and types of requests without a reply.
    asked: Vec<(u32, Body)>,
}

/// Bytes as everything that happens to a balancer.
///
/// # Panics
/// If it breaks a promise.
pub fn client_machine(data: &[u8]) {
    let mut supply = Supply::new(data);
    let now = Instant::now();
    let uid = Name::new(UIDS[0].as_bytes()).expect("short");
    let mut client = Client::new(Config::new(uid), desired(&mut supply), 1, now);
    client.enable(now);
    let mut world = World {
        client,
        now,
        asked: Vec::new(),
    };
    while !supply.is_empty() {
        world.happen(&mut supply);
        world.drain();
    }
}

impl World {
    fn happen(&mut self, supply: &mut Supply<'_>) {
        let (client, now) = (&mut self.client, self.now);
        match supply.u8() % 12 {
            0 => self.pass(supply.time()),
            1 | 2 => client.handle_connected(now),
            3 => {
                let text = "down".to_owned();
                let reasons = [
                    LinkDown::Closed,
                    LinkDown::Failed(text.clone()),
                    LinkDown::Unreachable(text),
                ];
                client.handle_disconnected(supply.pick(&reasons), now);
            }
            4 => client.handle_bytes(supply.bytes(255), now),
            5..=8 => self.reply(supply),
            9 => {
                let groups = groups(supply);
                self.deliver(0, Body::SendWeights(SendWeights { groups }));
            }
            10 => client.set_desired(desired(supply), now),
            _ => match supply.u8() % 4 {
                0 => client.disable(now),
                1 => client.deregister_all(now),
                _ => client.enable(now),
            },
        }
    }

    /// Answers the oldest request, mostly as it should be.
    fn reply(&mut self, supply: &mut Supply<'_>) {
        if self.asked.is_empty() {
            return;
        }
        let (id, request) = self.asked.remove(0);
        let code = match supply.u8() {
            0..128 => Code::SUCCESS,
            other => Code(other & 0x7f),
        };
        let body = match request {
            Body::RegistrationRequest(_) => Body::RegistrationReply(code),
            Body::DeregistrationRequest(_) => Body::DeregistrationReply(code),
            Body::SetLbStateRequest(_) => Body::SetLbStateReply(code),
            Body::SetMemberStateRequest(_) => Body::SetMemberStateReply(code),
            Body::GetWeightsRequest(_) => Body::GetWeightsReply(GetWeightsReply {
                code,
                interval: supply.u16(),
                groups: groups(supply),
            }),
            other => panic!("a balancer asked {other:?}"),
        };
        self.deliver(id, body);
    }

    fn deliver(&mut self, id: u32, body: Body) {
        let message = Message {
            version: 1,
            id,
            body,
        };
        let bytes = encode(&message).expect("small");
        self.client.handle_bytes(&bytes, self.now);
    }

    /// Lets time pass, and everything that falls due.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut calls = 0;
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= end) {
            calls = if at > self.now { 0 } else { calls + 1 };
            assert!(calls < CALLS_MAX, "a timer that is not served");
            self.now = self.now.max(at);
            self.client.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        let is_open = self.client.link() == Link::Open;
        if !is_open {
            self.asked.clear();
        }
        while let Some(bytes) = self.client.poll_transmit() {
            assert!(is_open, "it speaks without a connection");
            let request = decode(&bytes).expect("it writes what can be read").message;
            let ids = self.asked.iter().map(|(id, _)| *id);
            assert!(!ids.into_iter().any(|id| id == request.id), "an id twice");
            self.asked.push((request.id, request.body));
        }
        assert!(self.asked.len() <= REQUESTS_MAX, "too many requests");
        while let Some(event) = self.client.poll_event() {
            if let Event::Lost { reason, retry_in } = event {
                assert!(retry_in >= WAIT_MIN);
                assert!(!reason.to_string().contains('\n'));
                // Requests of the connection that is no more; those that are open belong to no other.
                self.asked.retain(|_| is_open);
            }
        }
    }
}

fn groups(supply: &mut Supply<'_>) -> Vec<sasp_ctl::sasp::msg::GroupOf<WeightEntry>> {
    supply.groups(&UIDS, |supply, member| WeightEntry {
        member,
        state: supply.u8(),
        flags: supply.u8(),
        weight: supply.u16(),
    })
}

fn desired(supply: &mut Supply<'_>) -> Desired {
    let flags = supply.u8();
    let mut desired = Desired {
        lb_state: LbState {
            health: supply.u8(),
            push: flags & 1 != 0,
            trust: flags & 2 != 0,
            no_change: flags & 4 != 0,
        },
        ..Desired::default()
    };
    for _ in 0..supply.u8() % 4 {
        let name = supply.name(&["G", "H"]);
        let members = desired.groups.entry(name).or_default();
        for _ in 0..supply.u8() % 5 {
            let key = supply.key();
            let label = supply.name(&["", "label"]);
            let quiesced = supply.u8() & 1 != 0;
            members.insert(key, DesiredMember { label, quiesced });
        }
    }
    desired
}
