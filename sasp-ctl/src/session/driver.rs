//! The task of a session: one loop that waits for whatever happens next.
//!
//! Cancel safety: every branch of the `select!` is either a channel operation or a single read or write of a
//! buffer, none of which loses anything when another branch wins.

use std::{future::Future, io, pin::Pin, time::Instant};

use bytes::BytesMut;
use futures_util::FutureExt as _;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::{mpsc, watch},
    task::unconstrained,
    time::sleep_until,
};

use super::{Config, DialError, Farewell, Stream, Target, dial, log::Log, outbox::Outbox};
use crate::sasp::client::{Client, Desired, Event, Link, LinkDown, Snapshot};

/// Bytes taken from the socket at once.
const READ_SIZE: usize = 64 * 1024;

/// The present, on the clock that tests can stop.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

type Attempt = Pin<Box<dyn Future<Output = Result<Stream, DialError>> + Send>>;

/// An open connection and what still has to go out.
struct Connection {
    read: ReadHalf<Stream>,
    write: WriteHalf<Stream>,
    unsent: BytesMut,
    /// What was written may still be in TLS.
    unflushed: bool,
}

impl Connection {
    fn new(stream: Stream) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self {
            read,
            write,
            unsent: BytesMut::new(),
            unflushed: false,
        }
    }

    /// Ends it, and says so under TLS if that takes no waiting.
    fn close(mut self) {
        let _said = unconstrained(self.write.shutdown()).now_or_never();
    }
}

/// Sends some of `unsent`, or what TLS has kept. Loses nothing if it is cancelled.
async fn send(
    write: &mut WriteHalf<Stream>,
    unsent: &mut BytesMut,
    unflushed: &mut bool,
) -> io::Result<()> {
    if unsent.is_empty() {
        write.flush().await?;
        *unflushed = false;
        return Ok(());
    }
    let written = write.write_buf(unsent).await?;
    *unflushed = true;
    match written {
        0 => Err(io::ErrorKind::WriteZero.into()),
        _ => Ok(()),
    }
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
    Attempted(Result<Stream, DialError>),
    Read(io::Result<usize>),
    Written(io::Result<()>),
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
        if self.config.target.tls.is_none() {
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
        match self.client.link() {
            Link::Closed => {
                self.attempt = None;
                self.hang_up();
            }
            Link::Wanted if self.attempt.is_none() => {
                self.hang_up();
                let target: Target = self.config.target.clone();
                self.attempt = Some(Box::pin(async move { dial(&target).await }));
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
            let Connection {
                read: from,
                write: to,
                unsent,
                unflushed,
            } = connection;
            read = Some((from, &mut self.received));
            write = (*unflushed || !unsent.is_empty()).then_some((to, unsent, unflushed));
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
                Some((write, unsent, unflushed)) => send(write, unsent, unflushed).await,
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
                        self.received.clear();
                        self.connection = Some(Connection::new(stream));
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
            Wake::Written(Ok(())) => {}
            Wake::Read(Err(error)) => self.client.handle_disconnected(link_down(&error), now),
            Wake::Written(Err(error)) => {
                // What the GWM said before it closed says more than that it has.
                self.read_what_is_there(now);
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
        let read = connection.read.read_buf(&mut self.received);
        match unconstrained(read).now_or_never() {
            Some(Ok(count)) if count > 0 => self.take_received(now),
            Some(Err(error)) => self.client.handle_disconnected(link_down(&error), now),
            // The end: the next regular read says the same.
            Some(Ok(_)) | None => {}
        }
    }

    fn hang_up(&mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close();
        }
    }
}

/// A peer that closes while bytes of ours are on their way resets the connection: closed, for all we know. Nor does
/// everybody say goodbye under TLS; a SASP message that was cut short is noticed by itself.
fn link_down(error: &io::Error) -> LinkDown {
    match error.kind() {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => LinkDown::Closed,
        // TLS was refused, which under TLS 1.3 is known only now.
        io::ErrorKind::PermissionDenied => LinkDown::Unreachable(error.to_string()),
        _ => LinkDown::Failed(error.to_string()),
    }
}
