//! The balancer's side of a session with one GWM (RFC 4678 section 9), sans-io.
//!
//! The owner moves bytes and tells the time; everything that SASP asks of a balancer is decided here: what to send
//! after connecting, what a lost connection means, when to ask for weights, and what the merged weights are.
//! What becomes of the weights is decided elsewhere.
//!
//! # Driving it
//! Make and close connections as [`Client::link`] says, feed `handle_*`, and after every call drain
//! [`Client::poll_transmit`] and [`Client::poll_event`]; call [`Client::handle_timeout`] at
//! [`Client::poll_timeout`].
//!
//! # Versions
//! There is one, [`VERSION`](super::code::VERSION). RFC 4678 section 4.4 has a GWM that does not speak it answer with
//! its own highest, for us to come down to, but nothing is below 1: a message of any other version ends the session
//! with [`Lost::Version`], which names both, and the next attempt comes after the wait that every failure makes longer.
//!
//! # Layout
//! * `config`: settings and the desired state; `event`: what comes out.
//! * `control`: the difference between desired and known, as requests; `compose`: requests as messages.
//! * `requests`: ids, deadlines, correlation. `view`: merged weights and convergence.
//! * `backoff`: waits and the detection of a twin. `stats`: counters.

mod backoff;
mod compose;
mod config;
mod control;
mod event;
mod incoming;
mod requests;
mod stats;
mod view;

#[cfg(test)]
pub(crate) mod tests;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use self::{backoff::Backoff, compose::compose, control::Control, requests::Requests, view::View};
use super::{
    codec::encode,
    frame::Deframer,
    msg::Name,
    saturate::{Later as _, Tally as _},
};

pub use config::{Config, Desired, DesiredMember, LbState};
pub use event::{Event, GroupWeights, LinkDown, Lost, MemberWeight, NotDeregistered, State};
pub use stats::{Counters, Snapshot};

/// Polling interval if neither we nor the GWM name one.
const POLL_DEFAULT: Duration = Duration::from_secs(60);
/// Members that are registered or resumed have us ask for weights at once, but never more often than this.
const POLL_GAP: Duration = Duration::from_secs(1);

/// What the driver shall have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// No connection, and no attempt; close what is open without a word.
    Closed,
    /// An attempt to connect; then [`Client::handle_connected`] or [`Client::handle_disconnected`].
    Wanted,
    /// The connection that was reported.
    Open,
}

/// The balancer's side of a session.
#[derive(Debug)]
pub struct Client {
    config: Config,
    state: State,
    since: Instant,
    control: Control,
    requests: Requests,
    view: View,
    backoff: Backoff,
    deframer: Deframer,
    transmits: VecDeque<Vec<u8>>,
    events: VecDeque<Event>,
    /// End of the attempt to connect, or of the wait before it.
    attempt_at: Option<Instant>,
    /// When this connection came into sync.
    synced_at: Option<Instant>,
    polled_at: Option<Instant>,
    poll_at: Option<Instant>,
    /// The GWM's interval in seconds, as last told.
    interval: Option<u16>,
    last_error: Option<String>,
    counters: Counters,
}

impl Client {
    /// A session that is [`State::Disabled`]. `seed` decides the jitter of its waits: give every session another.
    pub fn new(config: Config, desired: Desired, seed: u64, now: Instant) -> Self {
        let config = config.cut();
        Self {
            state: State::Disabled,
            since: now,
            control: Control::new(desired),
            requests: Requests::new(config.request_timeout),
            view: View::default(),
            backoff: Backoff::new(config.backoff_min, config.backoff_max, seed),
            deframer: Deframer::new(config.message_limit),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            attempt_at: None,
            synced_at: None,
            polled_at: None,
            poll_at: None,
            interval: None,
            last_error: None,
            counters: Counters::default(),
            config,
        }
    }

    /// Wants a connection from now on.
    pub fn enable(&mut self, now: Instant) {
        if self.state == State::Disabled {
            self.connect(now);
        }
    }

    /// Wants no connection any more. The GWM keeps what it knows for its grace time.
    pub fn disable(&mut self, now: Instant) {
        self.drop_connection();
        self.attempt_at = None;
        self.enter(State::Disabled, now);
    }

    /// Wants the GWM to know something else from now on.
    pub fn set_desired(&mut self, desired: Desired, now: Instant) {
        self.events
            .extend(self.view.set_desired(self.control.desired(), &desired));
        self.control.set_desired(desired);
        self.advance(now);
    }

    /// Tells the GWM to forget all of our groups (reason: purposeful), and ends the session.
    /// [`Event::DeregisteredAll`] says how it went. Replies that are still to come are not waited for: a GWM takes
    /// requests in their order.
    pub fn deregister_all(&mut self, now: Instant) {
        if self.link() == Link::Open {
            self.control.leave();
            self.requests.leave();
            self.advance(now);
        } else {
            self.finish(Err(NotDeregistered::NotConnected), now);
        }
    }

    /// What the driver shall have now.
    pub fn link(&self) -> Link {
        match self.state {
            State::Disabled | State::Backoff | State::Duplicate => Link::Closed,
            State::Connecting => Link::Wanted,
            State::Sync | State::Converging | State::Active => Link::Open,
        }
    }

    /// The connection that was wanted stands.
    pub fn handle_connected(&mut self, now: Instant) {
        if self.state != State::Connecting {
            return;
        }
        self.attempt_at = None;
        self.counters.connects.grow(1);
        self.control.connected();
        self.view.connected(self.control.desired(), now);
        self.events.push_back(Event::Connected);
        self.enter(State::Sync, now);
        self.advance(now);
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

    /// When [`Client::handle_timeout`] shall be called, unless something happens before.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.link() != Link::Open {
            return self.attempt_at;
        }
        let idle = self.requests.is_idle() && self.synced_at.is_some();
        let when_idle = [self.poll_at, self.control.retry_at()]
            .into_iter()
            .flatten();
        let converged = self.view.deadline(self.poll_interval());
        let deadlines = [self.requests.deadline(), converged].into_iter().flatten();
        deadlines.chain(when_idle.filter(|_| idle)).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.link() != Link::Open {
            match (self.state, self.attempt_at) {
                (State::Connecting, Some(at)) if at <= now => self.lose(Lost::ConnectTimeout, now),
                (State::Backoff | State::Duplicate, Some(at)) if at <= now => self.connect(now),
                _ => {}
            }
            return;
        }
        if let Some(request) = self.requests.expired(now) {
            let request = request.kind();
            return self.lose(Lost::Timeout { request }, now);
        }
        let ended = self
            .view
            .expire(now, self.poll_interval(), self.control.desired());
        self.events.extend(ended);
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

    /// The session as it stands.
    pub fn snapshot(&self) -> Snapshot {
        let (registered_groups, registered_members) = self.control.registered();
        Snapshot {
            state: self.state,
            since: self.since,
            retry_at: self
                .attempt_at
                .filter(|_| matches!(self.state, State::Backoff | State::Duplicate)),
            duplicate_uid: self.backoff.is_duplicate(),
            last_error: self.last_error.clone(),
            interval_seconds: self.interval,
            registered_groups,
            registered_members,
            counters: self.counters.clone(),
        }
    }

    fn connect(&mut self, now: Instant) {
        self.attempt_at = Some(now.later(self.config.connect_timeout));
        self.enter(State::Connecting, now);
    }

    fn enter(&mut self, state: State, now: Instant) {
        if self.state != state {
            (self.state, self.since) = (state, now);
        }
    }

    fn drop_connection(&mut self) {
        self.requests.clear();
        self.transmits.clear();
        self.deframer = Deframer::new(self.config.message_limit);
        (self.synced_at, self.polled_at, self.poll_at) = (None, None, None);
    }

    fn lose(&mut self, reason: Lost, now: Instant) {
        if self.control.is_leaving() {
            return self.finish(Err(NotDeregistered::Lost), now);
        }
        self.counters.losses.grow(1);
        self.last_error = Some(reason.to_string());
        let by_peer = matches!(
            reason,
            Lost::Closed | Lost::ClosedInMessage | Lost::Failed(_)
        );
        let lived = self
            .synced_at
            .map(|since| now.saturating_duration_since(since));
        let is_twin = self.backoff.lost(lived, by_peer);
        self.drop_connection();
        let retry_in = self.backoff.next_wait();
        self.attempt_at = Some(now.later(retry_in));
        let waiting = match self.backoff.is_duplicate() {
            true => State::Duplicate,
            false => State::Backoff,
        };
        self.enter(waiting, now);
        self.events.push_back(Event::Lost { reason, retry_in });
        if is_twin {
            self.events.push_back(Event::DuplicateUid);
        }
    }

    fn finish(&mut self, result: Result<(), NotDeregistered>, now: Instant) {
        self.disable(now);
        self.control.stay();
        self.events.push_back(Event::DeregisteredAll(result));
    }

    /// max(ours, the GWM's); RFC 4678 section 7.3.2 has the GWM's as advice, and 0 says nothing.
    fn poll_interval(&self) -> Duration {
        let ours = self.config.poll_interval;
        match self
            .interval
            .map(|seconds| Duration::from_secs(seconds.into()))
        {
            None | Some(Duration::ZERO) => ours.unwrap_or(POLL_DEFAULT),
            Some(theirs) => theirs.max(ours.unwrap_or_default()),
        }
    }

    /// Queues what the GWM is still to be told, if nothing is under way; then sends what may be sent.
    fn advance(&mut self, now: Instant) {
        if self.link() != Link::Open {
            return;
        }
        if self.requests.is_idle() {
            self.ask(now);
        }
        self.update_state(now);
        while let Some((id, request)) = self.requests.send_next(now) {
            let (uid, desired) = (&self.config.lb_uid, self.control.desired());
            let message = compose(id, request, uid, desired, &self.view);
            self.counters
                .sent
                .entry(message.body.kind())
                .or_default()
                .grow(1);
            match encode(&message) {
                Ok(bytes) => self.transmits.push_back(bytes),
                Err(error) => return self.lose(Lost::Unsendable(error), now),
            }
        }
    }

    fn ask(&mut self, now: Instant) {
        let requests = self
            .control
            .next(now, |group, key| self.view.lists(group, key));
        if requests.is_empty() {
            if self.synced_at.is_none() {
                self.synced_at = Some(now);
                self.control.synced();
                let (groups, _) = self.control.registered();
                self.events.push_back(Event::Synced { groups });
            }
            if self.poll_at.is_none_or(|at| at <= now) {
                self.requests.push(requests::Request::GetWeights);
                self.note_poll(now);
            }
        }
        for request in requests {
            match &request {
                requests::Request::GetWeights => self.note_poll(now),
                requests::Request::Register { group, .. } if !self.control.knows_of(group) => {
                    self.view.converge(group, self.control.desired(), now);
                }
                _ => {}
            }
            self.requests.push(request);
        }
    }

    fn note_poll(&mut self, now: Instant) {
        self.polled_at = Some(now);
        self.poll_at = Some(now.later(self.poll_interval()));
    }

    fn update_state(&mut self, now: Instant) {
        let state = match self.synced_at {
            None => State::Sync,
            Some(_) if self.view.is_converging() => State::Converging,
            Some(_) => State::Active,
        };
        self.enter(state, now);
    }

    /// Registering is worth a look at the weights.
    fn registered(&mut self, group: &Name, now: Instant) {
        if self.view.converges(group) {
            self.view.converge(group, self.control.desired(), now);
        }
        self.poll_soon(now);
    }

    /// What we have told the GWM makes it give weights: they are worth a look, but not too often.
    fn poll_soon(&mut self, now: Instant) {
        let soonest = self.polled_at.map_or(now, |at| at.later(POLL_GAP).max(now));
        self.poll_at = Some(self.poll_at.map_or(soonest, |at| at.min(soonest)));
    }
}
