//! The member's machine, the GWM's and a balancer in one world with a virtual clock.

use std::{net::IpAddr, time::Instant};

use super::*;
use crate::sasp::{
    code::{Code, VERSION, lb_flags, weight_flags},
    codec::{decode, encode},
    frame::Deframer,
    gwm::{ConnectionId, Gwm, Policy},
    msg::{Body, GetWeightsRequest, Group, Member, Message, SetLbStateRequest, WeightEntry},
};

const STEPS_AT_ONE_INSTANT: usize = 1_000;
pub(super) const BALANCER: ConnectionId = ConnectionId(0);

pub(super) struct World {
    pub(super) gwm: Gwm,
    pub(super) agent: Agent,
    pub(super) connection: Option<(ConnectionId, Deframer)>,
    pub(super) connections: u64,
    pub(super) now: Instant,
    pub(super) events: Vec<Event>,
}

impl World {
    pub(super) fn new(wanted: Wanted) -> Self {
        let now = Instant::now();
        Self {
            gwm: Gwm::new(Policy::default()),
            agent: Agent::new(config(&["A"], &["G"]), wanted, 7, now),
            connection: None,
            connections: 0,
            now,
            events: Vec::new(),
        }
    }

    pub(super) fn settle(&mut self) {
        for _ in 0..STEPS_AT_ONE_INSTANT {
            if !self.step() {
                return;
            }
        }
        panic!("a tight loop");
    }

    /// One thing that is due; false if nothing is.
    fn step(&mut self) -> bool {
        let now = self.now;
        while self.gwm.poll_event().is_some() {}
        while self.gwm.poll_ready().is_some() {}
        self.events
            .extend(std::iter::from_fn(|| self.agent.poll_event()));
        if let Some((closed, _)) = self.gwm.poll_close() {
            if self.connection.take_if(|(id, _)| *id == closed).is_some() {
                self.agent.handle_disconnected(LinkDown::Closed, now);
            }
            return true;
        }
        if self.gwm.poll_timeout().is_some_and(|at| at <= now) {
            self.gwm.handle_timeout(now);
            return true;
        }
        self.step_agent() || {
            let due = self.agent.poll_timeout().is_some_and(|at| at <= now);
            if due {
                self.agent.handle_timeout(now);
            }
            due
        }
    }

    fn step_agent(&mut self) -> bool {
        let now = self.now;
        match (self.agent.link(), &mut self.connection) {
            (Link::Wanted, None) => {
                self.connections += 1;
                let id = ConnectionId(self.connections);
                self.gwm.handle_connect(id, peer(), now);
                self.connection = Some((id, Deframer::new(1 << 20)));
                self.agent.handle_connected(now);
                true
            }
            (Link::Closed, Some((id, _))) => {
                self.gwm.handle_disconnect(*id, now);
                self.connection = None;
                true
            }
            (_, Some((id, deframer))) => {
                if let Some(message) = self.gwm.poll_transmit(*id, now) {
                    self.agent.handle_bytes(&encode(&message).unwrap(), now);
                } else if let Some(bytes) = self.agent.poll_transmit() {
                    deframer.push(&bytes);
                    let frame = deframer.next().unwrap().expect("one whole message");
                    self.gwm
                        .handle_message(*id, decode(&frame).unwrap().message, now);
                } else {
                    return false;
                }
                true
            }
            _ => false,
        }
    }

    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        loop {
            let due = [self.agent.poll_timeout(), self.gwm.poll_timeout()];
            let Some(at) = due.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = at.max(self.now);
            self.settle();
        }
        self.now = end;
    }

    /// The network between member and GWM fails, seen by both.
    pub(super) fn cut(&mut self) {
        if let Some((id, _)) = self.connection.take() {
            self.gwm.handle_disconnect(id, self.now);
            let reason = LinkDown::Failed("timed out".into());
            self.agent.handle_disconnected(reason, self.now);
        }
    }

    pub(super) fn want(&mut self, wanted: Wanted) {
        self.agent.set_wanted(wanted, self.now);
        self.settle();
    }

    /// The balancer asks.
    pub(super) fn ask(&mut self, body: Body) -> Body {
        let message = Message {
            version: VERSION,
            id: 1,
            body,
        };
        self.gwm.handle_message(BALANCER, message, self.now);
        self.gwm
            .poll_transmit(BALANCER, self.now)
            .expect("a reply")
            .body
    }

    /// The balancer comes.
    pub(super) fn balancer_comes(&mut self, trust: bool) {
        self.gwm.handle_disconnect(BALANCER, self.now);
        self.gwm.handle_connect(BALANCER, peer(), self.now);
        let flags = if trust { lb_flags::TRUST } else { 0 };
        let reply = self.ask(Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: name("A"),
            health: 0x7f,
            flags,
        }));
        assert_eq!(reply, Body::SetLbStateReply(Code::SUCCESS));
    }

    /// What the balancer gets of the group.
    pub(super) fn weights(&mut self) -> Vec<WeightEntry> {
        let groups = vec![group()];
        match self.ask(Body::GetWeightsRequest(GetWeightsRequest { groups })) {
            Body::GetWeightsReply(reply) => {
                reply.groups.into_iter().flat_map(|of| of.items).collect()
            }
            other => panic!("no weights but {other:?}"),
        }
    }

    pub(super) fn member_is(&mut self) -> Option<(bool, u8)> {
        let weights = self.weights();
        let entry = weights.iter().find(|entry| entry.member.key == key(1))?;
        Some((entry.flags & weight_flags::QUIESCE != 0, entry.state))
    }

    pub(super) fn waits(&self) -> usize {
        let waits = self.events.iter();
        waits
            .filter(|event| matches!(event, Event::Waiting { .. }))
            .count()
    }
}

fn peer() -> std::net::SocketAddr {
    (IpAddr::from([127, 0, 0, 1]), 40_000).into()
}

pub(super) fn group() -> Group {
    Group {
        lb_uid: name("A"),
        name: name("G"),
    }
}

pub(super) fn member() -> Member {
    Member {
        key: key(1),
        label: name("by the balancer"),
    }
}
