//! What messages from the GWM do.

use std::time::Instant;

use super::{
    Client, Event, Link, Lost, NotDeregistered,
    control::Outcome,
    requests::{Request, Unmatched},
    view::{Said, Scope, said},
};
use crate::sasp::saturate::{Later as _, Tally as _};
use crate::sasp::{
    code::{Code, Type},
    codec::{Cause, DecodeError, Decoded, decode},
    msg::{Body, GetWeightsReply, GroupOf, Message, WeightEntry},
};

impl Client {
    /// Bytes from the GWM, split anywhere.
    pub fn handle_bytes(&mut self, bytes: &[u8], now: Instant) {
        if self.link() != Link::Open {
            return;
        }
        self.deframer.push(bytes);
        while self.link() == Link::Open {
            match self.deframer.next() {
                Ok(Some(frame)) => self.handle_frame(&frame, now),
                Ok(None) => return,
                Err(error) => self.lose(Lost::Framing(error), now),
            }
        }
    }

    fn handle_frame(&mut self, frame: &[u8], now: Instant) {
        match decode(frame) {
            Ok(Decoded { message, quirks }) => {
                self.counters
                    .received
                    .entry(message.body.kind())
                    .or_default()
                    .grow(1);
                self.counters
                    .mapped_ipv4
                    .grow(u64::from(quirks.mapped_ipv4));
                self.handle_message(message, now);
                self.advance(now);
            }
            Err(error) => {
                self.counters.undecodable.grow(1);
                match error.cause {
                    Cause::Version(version) => self.lose(Lost::Version(version), now),
                    _ if self.is_awaited(&error) => self.lose(Lost::BadReply(error), now),
                    _ => self.events.push_back(Event::Ignored(error)),
                }
            }
        }
    }

    /// True if no better reply to one of our requests will come. The id alone does not say so: that of Send Weights
    /// means nothing, and a message of unknown type is no reply.
    fn is_awaited(&self, error: &DecodeError) -> bool {
        error.kind.is_some_and(Type::is_reply) && self.requests.awaits(error.id)
    }

    fn handle_message(&mut self, message: Message, now: Instant) {
        let kind = message.body.kind();
        match message.body {
            Body::SendWeights(weights) => {
                let omits = self.control.omits_unchanged();
                let scope = if omits {
                    Scope::Changes
                } else {
                    Scope::WholeGroups
                };
                let said = self.said(weights.groups);
                self.control.hear(&said, scope);
                self.view(said, scope, now);
            }
            Body::GetWeightsReply(reply) => {
                let Some(request) = self.take_reply(message.id, kind, reply.code) else {
                    return;
                };
                self.handle_weights_reply(&request, reply, now);
            }
            Body::RegistrationReply(code)
            | Body::DeregistrationReply(code)
            | Body::SetLbStateReply(code)
            | Body::SetMemberStateReply(code) => {
                let Some(request) = self.take_reply(message.id, kind, code) else {
                    return;
                };
                self.handle_reply(&request, code, now);
            }
            Body::RegistrationRequest(_)
            | Body::DeregistrationRequest(_)
            | Body::GetWeightsRequest(_)
            | Body::SetLbStateRequest(_)
            | Body::SetMemberStateRequest(_) => self.counters.unexpected.grow(1),
        }
    }

    fn take_reply(&mut self, id: u32, kind: Type, code: Code) -> Option<Request> {
        self.counters.reply(kind, code);
        match self.requests.answered(id, kind) {
            Ok(request) => return Some(request),
            Err(Unmatched::Id) => self.counters.unknown_ids.grow(1),
            Err(Unmatched::Type) => self.counters.wrong_types.grow(1),
        }
        None
    }

    fn handle_weights_reply(&mut self, request: &Request, reply: GetWeightsReply, now: Instant) {
        self.interval = Some(reply.interval);
        self.poll_at = self.polled_at.map(|at| at.later(self.poll_interval()));
        self.handle_reply(request, reply.code, now);
        if reply.code == Code::SUCCESS && self.link() == Link::Open {
            // The first answer on a connection is complete, whatever was asked for (RFC 4678 section 9.1 makes
            // it the way to recover).
            let omits = self.control.omits_unchanged() && self.control.has_read_back();
            let scope = if omits {
                Scope::Changes
            } else {
                Scope::Everything
            };
            let said = self.said(reply.groups);
            self.control.check_quiesces(&said);
            if self.control.must_read_back() {
                self.control.read_back(&said);
            } else {
                self.control.hear(&said, scope);
            }
            self.view(said, scope, now);
        }
    }

    fn handle_reply(&mut self, request: &Request, code: Code, now: Instant) {
        match (request, code) {
            (Request::DeregisterAll, Code::SUCCESS | Code::UNKNOWN_LB | Code::UNKNOWN_GROUP) => {
                return self.finish(Ok(()), now);
            }
            (Request::DeregisterAll, code) => {
                return self.finish(Err(NotDeregistered::Refused(code)), now);
            }
            _ => {}
        }
        let outcome = self.control.answered(request, code, now);
        match (request, code) {
            (Request::Register { group, .. }, Code::SUCCESS) => self.registered(group, now),
            // Not after a quiesce: one that the GWM does not heed is told again after every poll.
            (Request::SetMemberState { quiesced, .. }, Code::SUCCESS)
                if quiesced.iter().any(|(_, quiesced)| !quiesced) =>
            {
                self.poll_soon(now);
            }
            (Request::Deregister { group, members }, Code::SUCCESS)
                if self.view.forget(group, members) =>
            {
                let event = self.view.event(group, self.control.desired());
                self.events.extend(event);
            }
            _ => {}
        }
        let refused = request.kind();
        match outcome {
            Outcome::Fine => {}
            Outcome::Refused => {
                self.last_error = Some(format!("the GWM refused a {refused}: {code}"));
                let group = request.group().cloned();
                self.events.push_back(Event::Refused {
                    request: refused,
                    group,
                    code,
                });
            }
            Outcome::Fatal => self.lose(
                Lost::Refused {
                    request: refused,
                    code,
                },
                now,
            ),
        }
    }

    fn said(&mut self, groups: Vec<GroupOf<WeightEntry>>) -> Said {
        let (said, foreign) = said(groups, &self.config.lb_uid);
        self.counters.foreign_groups.grow(foreign);
        said
    }

    fn view(&mut self, said: Said, scope: Scope, now: Instant) {
        let names = self.view.hear(said, scope, self.control.desired());
        // Before the events: a group that must be registered anew counts as converging.
        self.advance(now);
        let events = names
            .iter()
            .filter_map(|name| self.view.event(name, self.control.desired()));
        self.events.extend(events);
    }
}
