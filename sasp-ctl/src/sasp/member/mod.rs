//! The member's side of a connection with one GWM (RFC 4678 sections 7 and 9), sans-io.
//!
//! A member says about itself that it is there, that it wants no new work, and that it goes. It never gets weights,
//! never speaks for a balancer (flag 0 only) and never names more than itself: no member count of 0, which would be
//! the whole group, and no empty group name, which would be all groups.
//!
//! It may report to several balancers and be in several groups. Every [`Pair`] of a balancer and a group gets
//! requests of its own and has its own progress, so one that is refused holds no other up.
//!
//! # When it speaks again
//! * A balancer that has not contacted the GWM (code 0x61) is waited for: 20 s, then longer, up to 5 min.
//! * What the operator of the GWM may allow later (code 0x45, limits among it) is asked for again every 5 min or so.
//! * What is wrong with the request or the balancer's trust (0x10, 0x11, 0x44, 0x46, 0x50, 0x51) is final.
//! * A lost connection is made again after 20 s or more, and everything is said again, since the GWM may have
//!   forgotten it.
//! * A GWM that drops a balancer after its grace time forgets the member, although the member's connection lives and
//!   nobody tells it. So a registration is repeated at every [`Config::refresh`]: code 0x40 says that all is well.
//!
//! # Driving it
//! As [`super::client`]: make and close connections as [`Agent::link`] says, feed `handle_*`, and after every call
//! drain [`Agent::poll_transmit`] and [`Agent::poll_event`]; call [`Agent::handle_timeout`] at
//! [`Agent::poll_timeout`].
//!
//! # Layout
//! * `config`: settings and what is wanted; `event`: what comes out.
//! * `progress`: one pair, and what a code means to it. `requests`: ids, deadlines, correlation.
//! * `compose`: requests as messages. `incoming`: messages from the GWM.

mod compose;
mod config;
mod event;
mod incoming;
mod progress;
mod requests;

#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Instant};

use self::{compose::compose, progress::Progress, requests::Requests};
use super::saturate::Later as _;
use super::waits::{Jitter, Waits};
use super::{codec::encode, frame::Deframer};

pub use super::client::{Link, LinkDown, Lost};
pub use config::{Condition, Config, Presence, Wanted};
pub use event::{Event, Pair, Registration};

/// Where the connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// No connection. One that was lost is not tried again before this time.
    Closed(Option<Instant>),
    /// An attempt to connect that ends at this time.
    Connecting(Instant),
    Open,
}

/// The member's side of a connection.
#[derive(Debug)]
pub struct Agent {
    config: Config,
    wanted: Wanted,
    state: State,
    pairs: Vec<Progress>,
    requests: Requests,
    waits: Waits,
    jitter: Jitter,
    deframer: Deframer,
    transmits: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
}

impl Agent {
    /// An agent that wants this from now on. `seed` decides the jitter of its waits: give every agent another.
    pub fn new(config: Config, wanted: Wanted, seed: u64, now: Instant) -> Self {
        let config = config.cut();
        let waits = Waits::new(config.wait_min, config.wait_max);
        let mut agent = Self {
            pairs: config
                .pairs()
                .into_iter()
                .map(|pair| Progress::new(pair, config.registered_by_others, waits))
                .collect(),
            wanted,
            state: State::Closed(None),
            requests: Requests::new(config.request_timeout),
            waits,
            jitter: Jitter::new(seed),
            deframer: Deframer::new(config.message_limit),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            config,
        };
        agent.advance(now);
        agent
    }

    /// Wants something else from now on.
    pub fn set_wanted(&mut self, wanted: Wanted, now: Instant) {
        self.wanted = wanted;
        self.advance(now);
    }

    /// What the driver shall have now.
    pub fn link(&self) -> Link {
        match self.state {
            State::Closed(_) => Link::Closed,
            State::Connecting(_) => Link::Wanted,
            State::Open => Link::Open,
        }
    }

    /// The connection that was wanted stands.
    pub fn handle_connected(&mut self, now: Instant) {
        if self.link() == Link::Wanted {
            self.state = State::Open;
            self.events.push_back(Event::Connected);
            self.advance(now);
        }
    }

    /// The connection is no more, or could not be made.
    pub fn handle_disconnected(&mut self, reason: LinkDown, now: Instant) {
        if self.link() == Link::Closed {
            return;
        }
        let lost = match reason {
            LinkDown::Unreachable(error) => Lost::Unreachable(error),
            LinkDown::Failed(error) => Lost::Failed(error),
            LinkDown::Closed if self.deframer.is_empty() => Lost::Closed,
            LinkDown::Closed => Lost::ClosedInMessage,
        };
        self.lose(lost, now);
    }

    /// When [`Agent::handle_timeout`] shall be called, unless something happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Closed(not_before) => self.earliest_due(not_before),
            State::Connecting(deadline) => Some(deadline),
            State::Open => {
                // What is due already waits for a reply that makes room.
                let due = self.earliest_due(None);
                let due = due.filter(|_| self.requests.have_room());
                due.into_iter().chain(self.requests.deadline()).min()
            }
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Connecting(deadline) if deadline <= now) {
            return self.lose(Lost::ConnectTimeout, now);
        }
        if let Some(request) = self.requests.expired(now) {
            return self.lose(Lost::Timeout { request }, now);
        }
        self.advance(now);
    }

    /// Bytes to be sent.
    pub fn poll_transmit(&mut self) -> Option<Vec<u8>> {
        self.transmits.pop_front()
    }

    /// What has happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Nothing can be done but wait: for time to pass, for a balancer, or for a wish.
    pub fn is_at_rest(&self) -> bool {
        match self.state {
            State::Closed(_) => true,
            State::Connecting(_) => false,
            State::Open => self.requests.is_idle(),
        }
    }

    /// What is wanted is reached, or refused for good, for every pair, and nothing is to be kept up.
    pub fn is_done(&self) -> bool {
        self.pairs.iter().all(|pair| pair.is_done(&self.wanted))
    }

    /// How many pairs the member is registered for, as far as it knows.
    pub fn registered(&self) -> usize {
        self.pairs
            .iter()
            .filter(|pair| pair.is_registered())
            .count()
    }

    /// How many pairs the member may be registered for: also those of a lost connection, and where no reply has come.
    pub fn perhaps_registered(&self) -> usize {
        let perhaps = self.pairs.iter().filter(|pair| pair.may_be_registered());
        perhaps.count()
    }

    /// How many pairs were refused for good.
    pub fn refused(&self) -> usize {
        self.pairs.iter().filter(|pair| pair.is_refused()).count()
    }

    /// How many pairs there are.
    pub fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// When the first pair has something to say, but not before `not_before`.
    fn earliest_due(&self, not_before: Option<Instant>) -> Option<Instant> {
        let due = self
            .pairs
            .iter()
            .filter_map(|pair| pair.due(&self.wanted))
            .min()?;
        due.after(not_before)
    }

    /// Connects, speaks or closes, whatever is due.
    fn advance(&mut self, now: Instant) {
        let speaks_now = |pair: &Progress| pair.is_due(&self.wanted, now);
        match self.state {
            State::Closed(not_before) => {
                let may = not_before.is_none_or(|at| at <= now);
                if may && self.pairs.iter().any(speaks_now) {
                    self.state = State::Connecting(now.later(self.config.connect_timeout));
                }
            }
            State::Connecting(_) => {
                if self.is_done() {
                    self.state = State::Closed(None);
                }
            }
            State::Open => {
                self.send(now);
                // Where the member is registered, more may be said sooner or later.
                let is_over = |pair: &Progress| pair.is_refused() || !pair.may_be_registered();
                if self.is_done() && self.pairs.iter().all(is_over) {
                    self.drop_connection();
                    self.state = State::Closed(None);
                }
            }
        }
    }

    fn send(&mut self, now: Instant) {
        for (index, pair) in self.pairs.iter_mut().enumerate() {
            if !self.requests.have_room() {
                return;
            }
            if let Some(request) = pair.start(&self.wanted, now) {
                let id = self.requests.start(index, request, now);
                let message = compose(id, request, pair.pair(), &self.config);
                match encode(&message) {
                    Ok(bytes) => self.transmits.push_back(bytes),
                    // One group with one member fits any message.
                    Err(error) => return self.lose(Lost::Unsendable(error), now),
                }
            }
        }
    }

    fn drop_connection(&mut self) {
        self.requests.clear();
        self.transmits.clear();
        self.deframer = Deframer::new(self.config.message_limit);
        self.pairs.iter_mut().for_each(Progress::disconnected);
    }

    fn lose(&mut self, reason: Lost, now: Instant) {
        self.drop_connection();
        let not_before = now.later(self.waits.next(&mut self.jitter));
        self.state = State::Closed(Some(not_before));
        let retry_in = self
            .earliest_due(Some(not_before))
            .map(|at| at.saturating_duration_since(now));
        self.events.push_back(Event::Lost { reason, retry_in });
    }
}
