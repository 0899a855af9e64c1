//! The task of a session: one loop that waits for whatever happens next.
//!
//! Cancel safety: every branch of the `select!` is either a channel operation or a step of the connection,
//! none of which loses anything when another branch wins.

use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::connection::{Connection, Step, now, until};
use super::{Config, Farewell, log::Log, outbox::Outbox};
use crate::sasp::client::{Client, Desired, Event, Snapshot};

/// Bytes taken from the socket at once.
const READ_SIZE: usize = 64 * 1024;

/// Everything that the task owns.
pub(super) struct Driver {
    is_plain: bool,
    client: Client,
    desired: watch::Receiver<Desired>,
    farewells: mpsc::Receiver<Farewell>,
    farewell: Option<Farewell>,
    snapshot: watch::Sender<Snapshot>,
    events: mpsc::Sender<Event>,
    outbox: Outbox,
    log: Log,
    connection: Connection,
}

/// What the loop woke up for.
enum Wake {
    Due,
    Step(Step),
    Desired,
    Farewell(Farewell),
    EventTaken,
    Stop,
}

impl Driver {
    pub(super) fn new(
        config: Config,
        client: Client,
        desired: watch::Receiver<Desired>,
        farewells: mpsc::Receiver<Farewell>,
        snapshot: watch::Sender<Snapshot>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let log = Log::new(config.target.to_string());
        Self {
            is_plain: config.target.tls.is_none(),
            client,
            desired,
            farewells,
            farewell: None,
            snapshot,
            events,
            outbox: Outbox::default(),
            log,
            connection: Connection::new(config.target, READ_SIZE),
        }
    }

    /// Runs until the owner drops its handle.
    pub(super) async fn run(mut self) {
        if self.is_plain {
            self.log.plain();
        }
        self.client.enable(now());
        loop {
            self.drain();
            match self.wake().await {
                Wake::Stop => break,
                wake => self.handle(wake),
            }
        }
        self.client.disable(now());
        self.drain();
    }

    /// Takes everything out of the machine and gives it the link that it wants.
    fn drain(&mut self) {
        self.connection.follow(self.client.link());
        while let Some(bytes) = self.client.poll_transmit() {
            self.connection.send(&bytes);
        }
        while let Some(event) = self.client.poll_event() {
            self.log.event(&event);
            if let Event::DeregisteredAll(result) = &event
                && let Some(farewell) = self.farewell.take()
            {
                // An owner that does not wait any more has nothing to learn.
                let _ = farewell.send(*result);
            }
            if !self.events.is_closed() {
                self.outbox.push(event);
            }
        }
        self.snapshot.send_replace(self.client.snapshot());
    }

    async fn wake(&mut self) -> Wake {
        let due = self.client.poll_timeout();
        tokio::select! {
            step = self.connection.step() => Wake::Step(step),
            () = until(due) => Wake::Due,
            changed = self.desired.changed() => match changed {
                Ok(()) => Wake::Desired,
                Err(_) => Wake::Stop,
            },
            Some(farewell) = self.farewells.recv() => Wake::Farewell(farewell),
            permit = self.events.reserve(), if !self.outbox.is_empty() => {
                match (permit, self.outbox.pop()) {
                    (Ok(permit), Some(event)) => permit.send(event),
                    // Nobody listens any more: what remains has no reader.
                    _ => self.outbox = Outbox::default(),
                }
                Wake::EventTaken
            }
        }
    }

    fn handle(&mut self, wake: Wake) {
        let now = now();
        match wake {
            Wake::Step(Step::Connected) => self.client.handle_connected(now),
            Wake::Step(Step::Received) => self.take_received(now),
            Wake::Step(Step::Sent) => {}
            Wake::Step(Step::Down(reason)) => self.client.handle_disconnected(reason, now),
            Wake::Step(Step::NotSent(reason)) => {
                self.read_what_is_there(now);
                self.client.handle_disconnected(reason, now);
            }
            Wake::Due => {
                self.read_what_is_there(now);
                self.client.handle_timeout(now);
            }
            Wake::Desired => {
                let desired = self.desired.borrow_and_update().clone();
                self.client.set_desired(desired, now);
            }
            Wake::Farewell(farewell) => {
                self.farewell = Some(farewell);
                self.client.deregister_all(now);
            }
            Wake::EventTaken | Wake::Stop => {}
        }
    }

    fn take_received(&mut self, now: Instant) {
        self.connection
            .take_received(|bytes| self.client.handle_bytes(bytes, now));
    }

    fn read_what_is_there(&mut self, now: Instant) {
        match self.connection.read_what_is_there() {
            Some(Ok(())) => self.take_received(now),
            Some(Err(reason)) => self.client.handle_disconnected(reason, now),
            None => {}
        }
    }
}
