//! What messages from the GWM do.

use std::time::Instant;

use super::{
    Agent, Event, Link, Lost, State,
    progress::{Answer, Progress},
};
use crate::sasp::saturate::Later as _;
use crate::sasp::{
    code::Type,
    codec::{Cause, DecodeError, decode},
    msg::{Body, Message},
};

impl Agent {
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
            Ok(decoded) => self.handle_message(&decoded.message, now),
            Err(error) if !self.is_awaited(&error) => self.events.push_back(Event::Ignored(error)),
            Err(error) => match error.cause {
                Cause::Version(version) => self.refuse_version(version),
                _ => self.lose(Lost::BadReply(error), now),
            },
        }
    }

    /// True if no better reply to one of our requests will come.
    fn is_awaited(&self, error: &DecodeError) -> bool {
        error.kind.is_some_and(Type::is_reply) && self.requests.awaits(error.id)
    }

    /// Anything but a reply to a request of ours is ignored: nobody has anything else to say to a member.
    fn handle_message(&mut self, message: &Message, now: Instant) {
        let (Body::RegistrationReply(code)
        | Body::DeregistrationReply(code)
        | Body::SetMemberStateReply(code)) = message.body
        else {
            return;
        };
        if let Some((index, request)) = self.requests.answered(message.id, message.body.kind()) {
            self.waits.reset();
            if let Some(pair) = self.pairs.get_mut(index) {
                let refresh_at = self.config.refresh.map(|refresh| now.later(refresh));
                let answer = Answer {
                    request,
                    code,
                    refresh_at,
                };
                let event = pair.answered(answer, &self.wanted, &mut self.jitter, now);
                self.events.extend(event);
            }
            self.advance(now);
        }
    }

    /// No request has a chance: the header comes first in each of them (RFC 4678 section 7, code 0x10).
    fn refuse_version(&mut self, version: u8) {
        self.drop_connection();
        self.state = State::Closed(None);
        self.pairs.iter_mut().for_each(Progress::refuse);
        self.events.push_back(Event::VersionRefused { version });
    }
}
