//! Bytes and time between a GWM and the member's machine, turn by turn.
//!
//! Cancel safety: a turn that is dropped has read, written or connected nothing that it has not handed over, since
//! the one branch of its `select!` that does any of it is a step of the connection.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Instant;

use super::Settings;
use crate::sasp::member::{Agent, Event, Wanted};
use crate::session::connection::{Connection, Step, now, until};

/// Bytes taken from the socket at once: replies to a member have 18 each.
const READ_SIZE: usize = 4096;

/// What a turn woke up for.
enum Wake {
    Due,
    Step(Step),
}

/// The machine, its connection and what it has said.
pub(super) struct Driver {
    agent: Agent,
    connection: Connection,
    events: VecDeque<Event>,
}

impl Driver {
    pub(super) fn new(settings: Settings, wanted: Wanted) -> Self {
        let Settings { target, member } = settings;
        let seed = RandomState::new().hash_one(&target.host);
        let mut driver = Self {
            agent: Agent::new(member, wanted, seed, now()),
            connection: Connection::new(target, READ_SIZE),
            events: VecDeque::new(),
        };
        driver.drain();
        driver
    }

    /// The machine as it stands.
    pub(super) fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Wants something else from now on.
    pub(super) fn set_wanted(&mut self, wanted: Wanted) {
        self.agent.set_wanted(wanted, now());
        self.drain();
    }

    /// What has happened.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Waits for the next thing, and lets it happen.
    pub(super) async fn turn(&mut self) {
        let wake = self.wake().await;
        self.handle(wake);
        self.drain();
    }

    async fn wake(&mut self) -> Wake {
        let due = self.agent.poll_timeout();
        tokio::select! {
            step = self.connection.step() => Wake::Step(step),
            () = until(due) => Wake::Due,
        }
    }

    fn handle(&mut self, wake: Wake) {
        let now = now();
        match wake {
            Wake::Step(Step::Connected) => self.agent.handle_connected(now),
            Wake::Step(Step::Received) => self.take_received(now),
            Wake::Step(Step::Sent) => {}
            Wake::Step(Step::Down(reason)) => self.agent.handle_disconnected(reason, now),
            Wake::Step(Step::NotSent(reason)) => {
                self.read_what_is_there(now);
                self.agent.handle_disconnected(reason, now);
            }
            Wake::Due => {
                self.read_what_is_there(now);
                self.agent.handle_timeout(now);
            }
        }
    }

    /// Takes everything out of the machine and gives it the link that it wants.
    fn drain(&mut self) {
        self.connection.follow(self.agent.link());
        while let Some(bytes) = self.agent.poll_transmit() {
            self.connection.send(&bytes);
        }
        while let Some(event) = self.agent.poll_event() {
            self.events.push_back(event);
        }
    }

    fn take_received(&mut self, now: Instant) {
        self.connection
            .take_received(|bytes| self.agent.handle_bytes(bytes, now));
    }

    fn read_what_is_there(&mut self, now: Instant) {
        match self.connection.read_what_is_there() {
            Some(Ok(())) => self.take_received(now),
            Some(Err(reason)) => self.agent.handle_disconnected(reason, now),
            None => {}
        }
    }
}
