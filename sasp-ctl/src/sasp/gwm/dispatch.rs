//! One request in, exactly one reply out; what is no request closes the connection.

use std::time::Instant;

use super::connection::{CloseReason, ConnectionId, REPLIES_MAX};
use super::refusal::Refusal;
use super::{Event, Gwm};
use crate::sasp::code::{Code, Type, VERSION};
use crate::sasp::codec::{self, Cause, DecodeError, Decoded};
use crate::sasp::msg::{Body, GetWeightsReply, Message};

impl Gwm {
    /// A frame has come: exactly one message with its header.
    pub fn handle_frame(&mut self, id: ConnectionId, frame: &[u8], now: Instant) {
        match codec::decode(frame) {
            Ok(Decoded { message, quirks }) => {
                self.counters.count_quirks(quirks);
                self.handle_message(id, message, now);
            }
            Err(error) => self.handle_bad_message(id, &error, now),
        }
    }

    /// A message has come. Ignored if the connection is closed already, as bytes may be under way.
    pub fn handle_message(&mut self, id: ConnectionId, message: Message, now: Instant) {
        let kind = message.body.kind();
        if !self.hear(id, Some(kind), now) {
            return;
        }
        if message.version != VERSION {
            self.refuse(id, kind, message.id, Refusal::Version, None, now);
            return;
        }
        let done = match &message.body {
            Body::RegistrationRequest(request) => self
                .register(id, request, now)
                .map(|()| Body::RegistrationReply(Code::SUCCESS)),
            Body::DeregistrationRequest(request) => self
                .deregister(id, request, now)
                .map(|()| Body::DeregistrationReply(Code::SUCCESS)),
            Body::GetWeightsRequest(request) => {
                let interval = self.policy.interval_seconds();
                self.get_weights(id, request, now).map(|groups| {
                    Body::GetWeightsReply(GetWeightsReply {
                        code: Code::SUCCESS,
                        interval,
                        groups,
                    })
                })
            }
            Body::SetLbStateRequest(request) => self
                .set_lb_state(id, request, now)
                .map(|()| Body::SetLbStateReply(Code::SUCCESS)),
            Body::SetMemberStateRequest(request) => self
                .set_member_state(id, request, now)
                .map(|()| Body::SetMemberStateReply(Code::SUCCESS)),
            Body::RegistrationReply(_)
            | Body::DeregistrationReply(_)
            | Body::GetWeightsReply(_)
            | Body::SendWeights(_)
            | Body::SetLbStateReply(_)
            | Body::SetMemberStateReply(_) => {
                self.close(id, CloseReason::UnexpectedMessage, None, now);
                return;
            }
        };
        match done {
            Ok(body) => self.reply(id, kind, Code::SUCCESS, message.id, body, now),
            Err(refusal) => self.refuse(id, kind, message.id, refusal, None, now),
        }
    }

    /// A frame has come that is no message. If the request's type could be read, its reply says 0x10, under the
    /// highest version that we speak; else there is no type to reply with, and the connection is closed.
    pub fn handle_bad_message(&mut self, id: ConnectionId, error: &DecodeError, now: Instant) {
        if !self.hear(id, error.kind, now) {
            return;
        }
        match error
            .kind
            .filter(|kind| reply_body(*kind, Code::NOT_UNDERSTOOD, 0).is_some())
        {
            Some(kind) => {
                let refusal = match error.cause {
                    Cause::Version(_) => Refusal::Version,
                    _ => Refusal::Undecodable,
                };
                self.refuse(id, kind, error.id, refusal, Some(error.cause), now);
            }
            None => self.close(id, CloseReason::UnexpectedMessage, Some(error.cause), now),
        }
    }

    /// Notes that something came; false if the connection is not open.
    fn hear(&mut self, id: ConnectionId, kind: Option<Type>, now: Instant) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else {
            return false;
        };
        connection.heard = now;
        connection.has_spoken = true;
        self.counters.count_received(kind);
        true
    }

    fn refuse(
        &mut self,
        id: ConnectionId,
        kind: Type,
        message_id: u32,
        refusal: Refusal,
        cause: Option<Cause>,
        now: Instant,
    ) {
        let code = refusal.code();
        let Some(body) = reply_body(kind, code, self.policy.interval_seconds()) else {
            self.close(id, CloseReason::UnexpectedMessage, cause, now);
            return;
        };
        self.counters.count_refusal(refusal);
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.is_news(kind, refusal)
        {
            self.events.push_back(Event::Refused {
                uid: connection.bound.clone(),
                peer: connection.peer,
                kind,
                refusal,
                cause,
            });
        }
        self.reply(id, kind, code, message_id, body, now);
    }

    fn reply(
        &mut self,
        id: ConnectionId,
        request: Type,
        code: Code,
        message_id: u32,
        body: Body,
        now: Instant,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.replies.len() >= REPLIES_MAX {
            self.close(id, CloseReason::RepliesNotTaken, None, now);
            return;
        }
        connection.replies.push_back(Message {
            version: VERSION,
            id: message_id,
            body,
        });
        self.counters.count_reply(request, code);
        self.ready.insert(id);
    }
}

/// The reply to a request of type `kind` that says no more than `code`; `None` if `kind` is no request.
fn reply_body(kind: Type, code: Code, interval: u16) -> Option<Body> {
    match kind {
        Type::REGISTRATION_REQUEST => Some(Body::RegistrationReply(code)),
        Type::DEREGISTRATION_REQUEST => Some(Body::DeregistrationReply(code)),
        Type::GET_WEIGHTS_REQUEST => Some(Body::GetWeightsReply(GetWeightsReply {
            code,
            interval,
            groups: Vec::new(),
        })),
        Type::SET_LB_STATE_REQUEST => Some(Body::SetLbStateReply(code)),
        Type::SET_MEMBER_STATE_REQUEST => Some(Body::SetMemberStateReply(code)),
        _ => None,
    }
}
