//! The task of a session: one loop that waits for whatever happens next.
//!
//! Cancel safety: every branch of the `select!` is either a channel operation or a single read or write of a
//! buffer, none of which loses anything when another branch wins.

use std::{future::Future, io, pin::Pin, time::Instant};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    time::sleep_until,
};

use super::{
    Config, Farewell,
    connect::{ConnectError, connect},
    log::Log,
    outbox::Outbox,
};
use crate::sasp::client::{Client, Desired, Event, Link, LinkDown, Snapshot};

/// Bytes taken from the socket at once.
const READ_SIZE: usize = 64 * 1024;

/// The present, on the clock that tests can stop.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

type Attempt = Pin<Box<dyn Future<Output = Result<TcpStream, ConnectError>> + Send>>;

/// An open connection and what still has to go out.
struct Connection {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    unsent: BytesMut,
}

/// Everything that the task owns.
pub(super) struct Driver {
    config: Config,
    client: Client,
    desired: watch::Receiver<Desired>,
    farewells: mpsc::Receiver<Farewell>,
    farewell: Option<Farewell>,
    snapshot: watch::Sender<Snapshot>,
    events: mpsc::Sender<Event>,
    outbox: Outbox,
    log: Log,
    attempt: Option<Attempt>,
    connection: Option<Connection>,
    received: BytesMut,
}

/// What the loop woke up for.
enum Wake {
    Due,
    Attempted(Result<TcpStream, ConnectError>),
    Read(io::Result<usize>),
    Written(io::Result<usize>),
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
        let log = Log::new(config.to_string());
        Self {
            config,
            client,
            desired,
            farewells,
            farewell: None,
            snapshot,
            events,
            outbox: Outbox::default(),
            log,
            attempt: None,
            connection: None,
            received: BytesMut::with_capacity(READ_SIZE),
        }
    }

    /// Runs until the owner drops its handle.
    pub(super) async fn run(mut self) {
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
        match self.client.link() {
            Link::Closed => (self.attempt, self.connection) = (None, None),
            Link::Wanted if self.attempt.is_none() => {
                self.connection = None;
                self.attempt = Some(Box::pin(connect(self.config.clone())));
            }
            Link::Wanted | Link::Open => {}
        }
        while let Some(bytes) = self.client.poll_transmit() {
            if let Some(connection) = &mut self.connection {
                connection.unsent.extend_from_slice(&bytes);
            }
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
        let (mut read, mut write) = (None, None);
        if let Some(connection) = &mut self.connection {
            read = Some((&mut connection.read, &mut self.received));
            write = (!connection.unsent.is_empty())
                .then_some((&mut connection.write, &mut connection.unsent));
        }
        tokio::select! {
            result = async { match self.attempt.as_mut() {
                Some(attempt) => attempt.await,
                None => std::future::pending().await,
            } } => Wake::Attempted(result),
            result = async { match read {
                Some((read, into)) => {
                    into.reserve(READ_SIZE);
                    read.read_buf(into).await
                }
                None => std::future::pending().await,
            } } => Wake::Read(result),
            result = async { match write {
                Some((write, unsent)) => write.write_buf(unsent).await,
                None => std::future::pending().await,
            } } => Wake::Written(result),
            () = async { match due {
                Some(due) => sleep_until(due.into()).await,
                None => std::future::pending().await,
            } } => Wake::Due,
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
            Wake::Attempted(result) => {
                self.attempt = None;
                match result {
                    Ok(stream) => {
                        let (read, write) = stream.into_split();
                        self.received.clear();
                        self.connection = Some(Connection {
                            read,
                            write,
                            unsent: BytesMut::new(),
                        });
                        self.client.handle_connected(now);
                    }
                    Err(error) => {
                        let reason = LinkDown::Unreachable(error.to_string());
                        self.client.handle_disconnected(reason, now);
                    }
                }
            }
            Wake::Read(Ok(0)) => self.client.handle_disconnected(LinkDown::Closed, now),
            Wake::Read(Ok(_)) => self.take_received(now),
            Wake::Written(Ok(_)) => {}
            Wake::Read(Err(error)) | Wake::Written(Err(error)) => {
                self.client.handle_disconnected(link_down(&error), now);
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
        self.client.handle_bytes(&self.received, now);
        self.received.clear();
    }

    /// A reply that has arrived is in time, even if we were too busy to look.
    fn read_what_is_there(&mut self, now: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        self.received.reserve(READ_SIZE);
        // Nothing there, the end or an error: the next regular read says the same.
        if connection
            .read
            .try_read_buf(&mut self.received)
            .is_ok_and(|read| read > 0)
        {
            self.take_received(now);
        }
    }
}

/// A peer that closes while bytes of ours are on their way resets the connection: closed, for all we know.
fn link_down(error: &io::Error) -> LinkDown {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => LinkDown::Closed,
        _ => LinkDown::Failed(error.to_string()),
    }
}
