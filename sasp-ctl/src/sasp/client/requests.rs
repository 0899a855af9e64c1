//! Requests on their way: ids, deadlines, and which reply belongs to which.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::config::LbState;
use crate::sasp::saturate::Later as _;
use crate::sasp::{
    code::Type,
    msg::{MemberKey, Name},
};

/// So many requests may wait for replies: enough to hide the network's delay, little enough for any GWM.
const WINDOW: usize = 16;

/// What a request is for: all that is needed to write it and to act on its reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Request {
    SetLbState(LbState),
    GetWeights,
    Register {
        group: Name,
        members: Vec<MemberKey>,
    },
    /// No members: the whole group.
    Deregister {
        group: Name,
        members: Vec<MemberKey>,
    },
    DeregisterAll,
    /// Members and whether each shall be quiesced.
    SetMemberState {
        group: Name,
        quiesced: Vec<(MemberKey, bool)>,
    },
}

impl Request {
    /// The type of the request.
    pub(super) fn kind(&self) -> Type {
        match self {
            Self::SetLbState(_) => Type::SET_LB_STATE_REQUEST,
            Self::GetWeights => Type::GET_WEIGHTS_REQUEST,
            Self::Register { .. } => Type::REGISTRATION_REQUEST,
            Self::Deregister { .. } | Self::DeregisterAll => Type::DEREGISTRATION_REQUEST,
            Self::SetMemberState { .. } => Type::SET_MEMBER_STATE_REQUEST,
        }
    }

    /// The group that it is about, if one.
    pub(super) fn group(&self) -> Option<&Name> {
        match self {
            Self::Register { group, .. }
            | Self::Deregister { group, .. }
            | Self::SetMemberState { group, .. } => Some(group),
            Self::SetLbState(_) | Self::GetWeights | Self::DeregisterAll => None,
        }
    }

    /// Figures 20 and 22 of the RFC print the DeRegistration Reply's type for two other replies.
    fn is_answered_by(&self, reply: Type) -> bool {
        let (right, in_figure) = match self {
            Self::SetLbState(_) => (Type::SET_LB_STATE_REPLY, Type::DEREGISTRATION_REPLY),
            Self::GetWeights => (Type::GET_WEIGHTS_REPLY, Type::GET_WEIGHTS_REPLY),
            Self::Register { .. } => (Type::REGISTRATION_REPLY, Type::REGISTRATION_REPLY),
            Self::Deregister { .. } | Self::DeregisterAll => {
                (Type::DEREGISTRATION_REPLY, Type::DEREGISTRATION_REPLY)
            }
            Self::SetMemberState { .. } => {
                (Type::SET_MEMBER_STATE_REPLY, Type::DEREGISTRATION_REPLY)
            }
        };
        reply == right || reply == in_figure
    }
}

/// Why a reply belongs to no request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unmatched {
    Id,
    Type,
}

/// Requests that wait to be sent or for their reply.
#[derive(Debug)]
pub(super) struct Requests {
    timeout: Duration,
    last_id: u32,
    waiting: VecDeque<Request>,
    sent: BTreeMap<u32, (Request, Instant)>,
}

impl Requests {
    /// A request without a reply for `timeout` has expired.
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            last_id: 0,
            waiting: VecDeque::new(),
            sent: BTreeMap::new(),
        }
    }

    pub(super) fn push(&mut self, request: Request) {
        self.waiting.push_back(request);
    }

    /// Sends the farewell next, and nothing else that waits to be sent.
    pub(super) fn leave(&mut self) {
        self.waiting = [Request::DeregisterAll].into();
    }

    /// The next request to be sent, with its id.
    pub(super) fn send_next(&mut self, now: Instant) -> Option<(u32, &Request)> {
        if self.sent.len() >= WINDOW {
            return None;
        }
        let request = self.waiting.pop_front()?;
        let id = self.free_id();
        let (request, _) = self
            .sent
            .entry(id)
            .or_insert((request, now.later(self.timeout)));
        Some((id, request))
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

    /// The request that a reply answers. By id first, so that a type that the RFC's figures got wrong is no harm.
    pub(super) fn answered(&mut self, id: u32, reply: Type) -> Result<Request, Unmatched> {
        match self.sent.get(&id) {
            None => Err(Unmatched::Id),
            Some((request, _)) if !request.is_answered_by(reply) => Err(Unmatched::Type),
            Some(_) => self
                .sent
                .remove(&id)
                .map(|(request, _)| request)
                .ok_or(Unmatched::Id),
        }
    }

    pub(super) fn awaits(&self, id: u32) -> bool {
        self.sent.contains_key(&id)
    }

    /// Nothing is to be sent or replied to.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.sent.is_empty()
    }

    /// When the first request expires.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.sent.values().map(|(_, deadline)| *deadline).min()
    }

    /// A request that has expired.
    pub(super) fn expired(&self, now: Instant) -> Option<&Request> {
        self.sent
            .values()
            .find(|(_, deadline)| *deadline <= now)
            .map(|(request, _)| request)
    }

    /// Forgets everything; the ids go on, so that a late reply matches nothing.
    pub(super) fn clear(&mut self) {
        self.waiting.clear();
        self.sent.clear();
    }
}
