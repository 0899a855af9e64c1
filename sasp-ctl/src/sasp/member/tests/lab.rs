//! An agent whose requests wait for replies that the test gives.

use std::{collections::VecDeque, time::Instant};

use super::*;
use crate::sasp::{
    code::{Code, Type},
    codec::{decode, encode},
    msg::{Body, Message},
};

/// No agent needs so many steps at one instant: it would be a tight loop.
const STEPS_AT_ONE_INSTANT: usize = 2_000;

pub(super) struct Lab {
    pub(super) agent: Agent,
    pub(super) now: Instant,
    /// The GWM accepts connections.
    pub(super) up: bool,
    /// Requests without a reply, in the order in which they came.
    pub(super) requests: VecDeque<Message>,
    pub(super) events: Vec<Event>,
}

impl Lab {
    /// One balancer A with one group G.
    pub(super) fn new(wanted: Wanted) -> Self {
        Self::with(config(&["A"], &["G"]), wanted)
    }

    pub(super) fn with(config: Config, wanted: Wanted) -> Self {
        let now = Instant::now();
        let mut lab = Self {
            agent: Agent::new(config, wanted, 7, now),
            now,
            up: true,
            requests: VecDeque::new(),
            events: Vec::new(),
        };
        lab.settle();
        lab
    }

    /// Lets everything happen that is due now.
    pub(super) fn settle(&mut self) {
        for _ in 0..STEPS_AT_ONE_INSTANT {
            self.events
                .extend(std::iter::from_fn(|| self.agent.poll_event()));
            if self.agent.link() != Link::Open {
                self.requests.clear();
            }
            if self.agent.link() == Link::Wanted && self.up {
                self.agent.handle_connected(self.now);
            } else if let Some(bytes) = self.agent.poll_transmit() {
                self.requests.push_back(decode(&bytes).unwrap().message);
            } else if self.agent.poll_timeout().is_some_and(|at| at <= self.now) {
                self.agent.handle_timeout(self.now);
            } else {
                return;
            }
        }
        panic!("a tight loop: {:?}", self.agent);
    }

    /// Lets `span` pass.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        while let Some(at) = self.agent.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.settle();
        }
        self.now = end;
    }

    /// Lets time pass until the next request; how long that was.
    pub(super) fn until_asked(&mut self) -> Duration {
        let begun = self.now;
        while self.requests.is_empty() {
            let at = self.agent.poll_timeout().expect("something is due later");
            self.now = at.max(self.now);
            self.settle();
        }
        self.now - begun
    }

    /// Answers the oldest request, which is of this type.
    pub(super) fn answer(&mut self, request: Type, code: Code) {
        let asked = self.requests.pop_front().expect("a request waits");
        assert_eq!(asked.body.kind(), request);
        self.deliver(&reply(&asked, code));
        self.settle();
    }

    pub(super) fn deliver(&mut self, message: &Message) {
        self.agent.handle_bytes(&encode(message).unwrap(), self.now);
    }

    pub(super) fn want(&mut self, wanted: Wanted) {
        self.agent.set_wanted(wanted, self.now);
        self.settle();
    }

    pub(super) fn close(&mut self) {
        self.agent.handle_disconnected(LinkDown::Closed, self.now);
        self.settle();
    }

    /// The types of the requests that wait.
    pub(super) fn asked(&self) -> Vec<Type> {
        let kinds = self.requests.iter().map(|message| message.body.kind());
        kinds.collect()
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        self.settle();
        std::mem::take(&mut self.events)
    }
}

/// The reply to a request.
pub(super) fn reply(to: &Message, code: Code) -> Message {
    let body = match to.body.kind() {
        Type::REGISTRATION_REQUEST => Body::RegistrationReply(code),
        Type::DEREGISTRATION_REQUEST => Body::DeregistrationReply(code),
        Type::SET_MEMBER_STATE_REQUEST => Body::SetMemberStateReply(code),
        other => panic!("no member asks for {other}"),
    };
    Message { body, ..to.clone() }
}
