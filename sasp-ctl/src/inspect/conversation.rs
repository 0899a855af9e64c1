//! Which reply answers which request, by message id within one connection.

use std::collections::BTreeMap;
use std::time::Duration;

use super::explain::{self, Role};
use super::message::{Inspection, Level};
use crate::sasp::code::Type;

/// So many unanswered requests are remembered; no client has that many under way.
const REQUESTS_MAX: usize = 1024;

/// A request that waits for its reply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Request {
    kind: Type,
    at: Option<Duration>,
    number: u64,
}

/// What a reply answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Answer {
    /// The type of the request.
    pub to: Type,
    /// How long after the request the reply came, if both times are known.
    pub latency: Option<Duration>,
}

/// The requests of one connection.
#[derive(Debug, Default)]
pub struct Conversation {
    waiting: BTreeMap<u32, Request>,
    requests: u64,
}

impl Conversation {
    /// Notes a message that came at `at` (any clock); what can be said of it only in its context is added to its
    /// remarks.
    pub fn hear(&mut self, inspection: &mut Inspection, at: Option<Duration>) -> Option<Answer> {
        let (_, id) = inspection.header()?;
        let kind = inspection.kind()?;
        match explain::role(kind)? {
            Role::Push => None,
            Role::Request => {
                self.request(inspection, id, kind, at);
                None
            }
            Role::Reply => self.reply(inspection, id, kind, at),
        }
    }

    /// How many requests have no reply yet.
    pub fn unanswered(&self) -> usize {
        self.waiting.len()
    }

    fn request(&mut self, inspection: &mut Inspection, id: u32, kind: Type, at: Option<Duration>) {
        self.requests += 1;
        if self.waiting.len() == REQUESTS_MAX {
            let oldest = self
                .waiting
                .iter()
                .min_by_key(|(_, request)| request.number);
            if let Some(id) = oldest.map(|(id, _)| *id) {
                self.waiting.remove(&id);
            }
        }
        let request = Request {
            kind,
            at,
            number: self.requests,
        };
        if let Some(before) = self.waiting.insert(id, request) {
            let text = format!("a {} with this id still waits for its reply", before.kind);
            inspection.remark(Level::Unusual, text);
        }
    }

    fn reply(
        &mut self,
        inspection: &mut Inspection,
        id: u32,
        kind: Type,
        at: Option<Duration>,
    ) -> Option<Answer> {
        let Some(request) = self.waiting.remove(&id) else {
            // Without any request the other half of the conversation is simply not there.
            if self.requests > 0 {
                let text = "no request with this id waits for a reply".to_owned();
                inspection.remark(Level::Unusual, text);
            }
            return None;
        };
        let right = explain::reply_to(request.kind);
        let figure = match (kind, request.kind) {
            (Type::DEREGISTRATION_REPLY, Type::SET_MEMBER_STATE_REQUEST) => Some(20),
            (Type::DEREGISTRATION_REPLY, Type::SET_LB_STATE_REQUEST) => Some(22),
            _ => None,
        };
        if let Some(figure) = figure {
            let text = format!(
                "answers a {} with type {:#06x} as figure {figure} of the RFC prints it; section 4.2 says {:#06x}",
                request.kind, kind.0, right.0
            );
            inspection.remark(Level::Unusual, text);
        } else if kind != right {
            let text = format!("answers a {} with a {kind}", request.kind);
            inspection.remark(Level::Wrong, text);
        }
        let latency = at
            .zip(request.at)
            .and_then(|(now, then)| now.checked_sub(then));
        Some(Answer {
            to: request.kind,
            latency,
        })
    }
}
