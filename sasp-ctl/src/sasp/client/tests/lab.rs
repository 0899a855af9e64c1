//! A client, a GWM, the wire between them and a clock that jumps to what happens next.

use std::time::{Duration, Instant};

use super::{
    Client, Config, Desired, Event, GroupWeights, Link, LinkDown, State, config, gwm::Gwm, name,
};

/// No session needs so many steps at one instant: it would be a tight loop.
const STEPS_AT_ONE_INSTANT: usize = 200;

#[derive(Debug)]
pub(super) struct Lab {
    pub(super) client: Client,
    pub(super) gwm: Gwm,
    pub(super) now: Instant,
    /// The GWM accepts connections.
    pub(super) up: bool,
    /// Bytes a segment when the GWM's bytes reach the client.
    pub(super) segment: usize,
    /// The GWM sends weights unasked before every reply.
    pub(super) chatty: bool,
    pub(super) events: Vec<Event>,
}

impl Lab {
    pub(super) fn new(desired: Desired) -> Self {
        Self::with(config(), desired)
    }

    pub(super) fn with(config: Config, desired: Desired) -> Self {
        let now = Instant::now();
        let mut client = Client::new(config, desired, 7, now);
        client.enable(now);
        let (gwm, events) = (Gwm::new(), Vec::new());
        Self {
            client,
            gwm,
            now,
            up: true,
            segment: usize::MAX,
            chatty: false,
            events,
        }
    }

    /// Lets everything happen that is due now.
    pub(super) fn settle(&mut self) {
        for _ in 0..STEPS_AT_ONE_INSTANT {
            self.events
                .extend(std::iter::from_fn(|| self.client.poll_event()));
            if self.client.link() == Link::Wanted && self.up {
                self.gwm.accept();
                self.client.handle_connected(self.now);
            } else if let Some(bytes) = self.client.poll_transmit() {
                let reply = self.gwm.handle(&bytes);
                if self.chatty {
                    self.deliver(&self.gwm.push(None));
                }
                self.deliver(&reply);
            } else if self.client.poll_timeout().is_some_and(|at| at <= self.now) {
                self.client.handle_timeout(self.now);
            } else {
                return;
            }
        }
        panic!("a tight loop: {:?}", self.client);
    }

    /// Bytes reach the client.
    pub(super) fn deliver(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.segment) {
            self.client.handle_bytes(piece, self.now);
        }
    }

    /// Weights reach the client unasked.
    pub(super) fn push(&mut self, only: Option<&[&str]>) {
        let bytes = self.gwm.push(only);
        self.deliver(&bytes);
        self.settle();
    }

    /// The GWM closes the connection.
    pub(super) fn close(&mut self) {
        self.client.handle_disconnected(LinkDown::Closed, self.now);
        self.settle();
    }

    /// Lets the wait before the next connection pass.
    pub(super) fn reconnect(&mut self) {
        while matches!(
            self.client.snapshot().state,
            State::Backoff | State::Duplicate
        ) {
            self.run(Duration::from_secs(1));
        }
    }

    /// Lets `span` pass.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        while let Some(at) = self.client.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.settle();
        }
        self.now = end;
    }

    pub(super) fn want(&mut self, desired: Desired) {
        self.client.set_desired(desired, self.now);
        self.settle();
    }

    pub(super) fn take_events(&mut self) -> Vec<Event> {
        self.settle();
        std::mem::take(&mut self.events)
    }

    /// The last weights event of a group.
    pub(super) fn weights(&self, group: &str) -> &GroupWeights {
        let events = self.events.iter().rev();
        let weights = events.filter_map(|event| match event {
            Event::Weights { weights, .. } => Some(weights),
            _ => None,
        });
        let found = weights
            .into_iter()
            .find(|weights| weights.name == name(group));
        found.expect("weights of this group were told")
    }
}
