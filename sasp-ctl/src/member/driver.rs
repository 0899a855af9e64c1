//! Bytes and time between a GWM and the member's machine, turn by turn.
//!
//! Cancel safety: a turn that is dropped has read, written or connected nothing that it has not handed over, since
//! every branch of its `select!` is a single step on something that the driver owns.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::pin::Pin;
use std::time::Instant;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::task::unconstrained;
use tokio::time::sleep_until;

use super::Settings;
use crate::sasp::member::{Agent, Event, Link, LinkDown, Wanted};
use crate::session::{DialError, Stream, Target, dial};

/// Bytes taken from the socket at once: replies to a member have 18 each.
const READ_SIZE: usize = 4096;

/// The present, on the clock that tests can stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

type Attempt = Pin<Box<dyn Future<Output = Result<Stream, DialError>> + Send>>;

struct Connection {
    read: ReadHalf<Stream>,
    write: WriteHalf<Stream>,
    unsent: BytesMut,
    /// What was written may still be in TLS.
    unflushed: bool,
}

/// What a turn woke up for.
enum Wake {
    Due,
    Attempted(Result<Stream, DialError>),
    Read(io::Result<usize>),
    Written(io::Result<()>),
}

/// The machine, its connection and what it has said.
pub(super) struct Driver {
    target: Target,
    agent: Agent,
    attempt: Option<Attempt>,
    connection: Option<Connection>,
    received: BytesMut,
    events: VecDeque<Event>,
}

impl Driver {
    pub(super) fn new(settings: Settings, wanted: Wanted) -> Self {
        let Settings { target, member } = settings;
        let seed = RandomState::new().hash_one(&target.host);
        let mut driver = Self {
            target,
            agent: Agent::new(member, wanted, seed, now()),
            attempt: None,
            connection: None,
            received: BytesMut::with_capacity(READ_SIZE),
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
                None => pending().await,
            } } => Wake::Attempted(result),
            result = async { match read {
                Some((read, into)) => {
                    into.reserve(READ_SIZE);
                    read.read_buf(into).await
                }
                None => pending().await,
            } } => Wake::Read(result),
            result = async { match write {
                Some((write, unsent, unflushed)) => send(write, unsent, unflushed).await,
                None => pending().await,
            } } => Wake::Written(result),
            () = async { match due {
                Some(due) => sleep_until(due.into()).await,
                None => pending().await,
            } } => Wake::Due,
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
                        self.agent.handle_connected(now);
                    }
                    Err(error) => {
                        let reason = LinkDown::Unreachable(error.to_string());
                        self.agent.handle_disconnected(reason, now);
                    }
                }
            }
            Wake::Read(Ok(0)) => self.agent.handle_disconnected(LinkDown::Closed, now),
            Wake::Read(Ok(_)) => self.take_received(now),
            Wake::Written(Ok(())) => {}
            Wake::Read(Err(error)) => self.agent.handle_disconnected(link_down(&error), now),
            Wake::Written(Err(error)) => {
                // What the GWM said before it closed says more than that it has.
                self.read_what_is_there(now);
                self.agent.handle_disconnected(link_down(&error), now);
            }
            Wake::Due => {
                // A reply that has arrived is in time, even if we were too busy to look.
                self.read_what_is_there(now);
                self.agent.handle_timeout(now);
            }
        }
    }

    /// Takes everything out of the machine and gives it the link that it wants.
    fn drain(&mut self) {
        match self.agent.link() {
            Link::Closed => {
                self.attempt = None;
                self.hang_up();
            }
            Link::Wanted if self.attempt.is_none() => {
                self.hang_up();
                let target = self.target.clone();
                self.attempt = Some(Box::pin(async move { dial(&target).await }));
            }
            Link::Wanted | Link::Open => {}
        }
        while let Some(bytes) = self.agent.poll_transmit() {
            if let Some(connection) = &mut self.connection {
                connection.unsent.extend_from_slice(&bytes);
            }
        }
        while let Some(event) = self.agent.poll_event() {
            self.events.push_back(event);
        }
    }

    fn take_received(&mut self, now: Instant) {
        self.agent.handle_bytes(&self.received, now);
        self.received.clear();
    }

    fn read_what_is_there(&mut self, now: Instant) {
        let Some(connection) = &mut self.connection else {
            return;
        };
        self.received.reserve(READ_SIZE);
        let read = connection.read.read_buf(&mut self.received);
        match unconstrained(read).now_or_never() {
            Some(Ok(count)) if count > 0 => self.take_received(now),
            Some(Err(error)) => self.agent.handle_disconnected(link_down(&error), now),
            // The end: the next regular read says the same.
            Some(Ok(_)) | None => {}
        }
    }

    /// Ends the connection, and says so under TLS if that takes no waiting.
    fn hang_up(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            let _said = unconstrained(connection.write.shutdown()).now_or_never();
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.hang_up();
    }
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

/// A peer that closes while bytes of ours are on their way resets the connection: closed, for all we know.
fn link_down(error: &io::Error) -> LinkDown {
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => LinkDown::Closed,
        _ => LinkDown::Failed(error.to_string()),
    }
}
