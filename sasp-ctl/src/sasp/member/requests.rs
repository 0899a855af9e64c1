//! Requests on their way: ids, deadlines, and which reply belongs to which.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::config::Condition;
use crate::sasp::code::Type;
use crate::sasp::saturate::Later as _;

/// So many requests may wait for replies: enough to hide the network's delay, little enough for any GWM.
const WINDOW: usize = 16;

/// What is said for one pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Request {
    Register,
    Deregister,
    SetState(Condition),
}

impl Request {
    /// The type of the request.
    pub(super) fn kind(self) -> Type {
        match self {
            Self::Register => Type::REGISTRATION_REQUEST,
            Self::Deregister => Type::DEREGISTRATION_REQUEST,
            Self::SetState(_) => Type::SET_MEMBER_STATE_REQUEST,
        }
    }

    /// Figure 20 of the RFC prints the DeRegistration Reply's type for the reply to Set Member State.
    fn is_answered_by(self, reply: Type) -> bool {
        match self {
            Self::Register => reply == Type::REGISTRATION_REPLY,
            Self::Deregister => reply == Type::DEREGISTRATION_REPLY,
            Self::SetState(_) => {
                reply == Type::SET_MEMBER_STATE_REPLY || reply == Type::DEREGISTRATION_REPLY
            }
        }
    }
}

#[derive(Debug)]
struct Sent {
    pair: usize,
    request: Request,
    deadline: Instant,
}

/// Requests that wait for their reply.
#[derive(Debug)]
pub(super) struct Requests {
    timeout: Duration,
    last_id: u32,
    sent: BTreeMap<u32, Sent>,
}

impl Requests {
    /// A request without a reply for `timeout` has expired.
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            last_id: 0,
            sent: BTreeMap::new(),
        }
    }

    pub(super) fn have_room(&self) -> bool {
        self.sent.len() < WINDOW
    }

    /// Notes a request of a pair, by its index, and gives it an id.
    pub(super) fn start(&mut self, pair: usize, request: Request, now: Instant) -> u32 {
        let id = self.free_id();
        let deadline = now.later(self.timeout);
        let sent = Sent {
            pair,
            request,
            deadline,
        };
        self.sent.insert(id, sent);
        id
    }

    /// Ids wrap around; 0 is left to Send Weights, which is no reply.
    fn free_id(&mut self) -> u32 {
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            if self.last_id != 0 && !self.sent.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    /// The request that a reply answers, with its pair; `None` if there is none with this id and such a reply.
    pub(super) fn answered(&mut self, id: u32, reply: Type) -> Option<(usize, Request)> {
        let sent = self.sent.get(&id)?;
        if !sent.request.is_answered_by(reply) {
            return None;
        }
        let answered = (sent.pair, sent.request);
        self.sent.remove(&id);
        Some(answered)
    }

    pub(super) fn awaits(&self, id: u32) -> bool {
        self.sent.contains_key(&id)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.sent.is_empty()
    }

    /// When the first request expires.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.sent.values().map(|sent| sent.deadline).min()
    }

    /// The type of a request that has expired.
    pub(super) fn expired(&self, now: Instant) -> Option<Type> {
        let mut sent = self.sent.values();
        sent.find(|sent| sent.deadline <= now)
            .map(|sent| sent.request.kind())
    }

    /// Forgets everything; the ids go on, so that a late reply matches nothing.
    pub(super) fn clear(&mut self) {
        self.sent.clear();
    }
}
