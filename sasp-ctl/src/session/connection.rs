//! A connection to a GWM on behalf of a state machine: dialled, read and written one step at a time.
//!
//! It knows nothing of SASP and decides nothing: the machine says whether it wants a connection, and is told what
//! became of it.
//!
//! Cancel safety: a step that is dropped has read, written or connected nothing that is not kept here, since each is a
//! single operation on something that the connection owns.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::time::Instant;

use bytes::BytesMut;
use futures_util::FutureExt as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::task::unconstrained;
use tokio::time::sleep_until;

use super::{DialError, Stream, Target, dial};
use crate::sasp::client::{Link, LinkDown};

/// The present, on the clock that tests can stop.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Waits until then; for ever, if nothing is due.
pub(crate) async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => pending().await,
    }
}

type Attempt = Pin<Box<dyn Future<Output = Result<Stream, DialError>> + Send>>;

/// The connection to one GWM: not there, being made, or open.
pub(crate) struct Connection {
    target: Target,
    read_size: usize,
    attempt: Option<Attempt>,
    open: Option<Open>,
}

/// What a step has done.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The connection stands.
    Connected,
    /// Bytes have come: take them by [`Connection::take_received`].
    Received,
    /// Bytes have gone out.
    Sent,
    /// Nobody was reached, or nothing more can be read.
    Down(LinkDown),
    /// Nothing more can be written. What the GWM said before it closed says more than that it has, so
    /// [`Connection::read_what_is_there`] comes first.
    NotSent(LinkDown),
}

impl Connection {
    /// None yet. `read_size`: how many bytes are taken from the socket at once.
    pub(crate) fn new(target: Target, read_size: usize) -> Self {
        Self {
            target,
            read_size,
            attempt: None,
            open: None,
        }
    }

    /// Starts or ends what the machine wants to be started or ended.
    pub(crate) fn follow(&mut self, link: Link) {
        match link {
            Link::Closed => {
                self.attempt = None;
                self.open = None;
            }
            Link::Wanted if self.attempt.is_none() => {
                self.open = None;
                let target = self.target.clone();
                self.attempt = Some(Box::pin(async move { dial(&target).await }));
            }
            Link::Wanted | Link::Open => {}
        }
    }

    /// Sends this in steps to come; nothing, if the connection is not open.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if let Some(open) = &mut self.open {
            open.unsent.extend_from_slice(bytes);
        }
    }

    /// Waits for the next thing that happens. Loses nothing if it is cancelled.
    pub(crate) async fn step(&mut self) -> Step {
        let Self {
            attempt,
            open,
            read_size,
            ..
        } = self;
        let attempted = tokio::select! {
            result = async { match attempt {
                Some(attempt) => attempt.await,
                None => pending().await,
            } } => result,
            step = async { match open {
                Some(open) => open.step(*read_size).await,
                None => pending().await,
            } } => return step,
        };
        self.attempt = None;
        match attempted {
            Ok(stream) => {
                self.open = Some(Open::new(stream, self.read_size));
                Step::Connected
            }
            Err(error) => Step::Down(LinkDown::Unreachable(error.to_string())),
        }
    }

    /// Reads without waiting: a reply that has arrived is in time, even if we were too busy to look.
    /// `None`: nothing has come, or the end, of which the next step tells.
    ///
    /// # Errors
    /// Nothing more can be read.
    pub(crate) fn read_what_is_there(&mut self) -> Option<Result<(), LinkDown>> {
        let Open { read, received, .. } = self.open.as_mut()?;
        match unconstrained(read_some(read, received, self.read_size)).now_or_never()? {
            Ok(0) => None,
            Ok(_) => Some(Ok(())),
            Err(error) => Some(Err(link_down(&error))),
        }
    }

    /// Hands over what has come, once.
    pub(crate) fn take_received(&mut self, take: impl FnOnce(&[u8])) {
        if let Some(open) = &mut self.open {
            take(&open.received);
            open.received.clear();
        }
    }
}

/// What stands, and what is on its way to either side.
struct Open {
    read: ReadHalf<Stream>,
    write: WriteHalf<Stream>,
    received: BytesMut,
    unsent: BytesMut,
    /// What was written may still be in TLS.
    unflushed: bool,
}

impl Open {
    fn new(stream: Stream, read_size: usize) -> Self {
        let (read, write) = tokio::io::split(stream);
        Self {
            read,
            write,
            received: BytesMut::with_capacity(read_size),
            unsent: BytesMut::new(),
            unflushed: false,
        }
    }

    async fn step(&mut self, read_size: usize) -> Step {
        let Self {
            read,
            write,
            received,
            unsent,
            unflushed,
        } = self;
        let writes = *unflushed || !unsent.is_empty();
        tokio::select! {
            result = read_some(read, received, read_size) => match result {
                Ok(0) => Step::Down(LinkDown::Closed),
                Ok(_) => Step::Received,
                Err(error) => Step::Down(link_down(&error)),
            },
            result = write_some(write, unsent, unflushed), if writes => match result {
                Ok(()) => Step::Sent,
                Err(error) => Step::NotSent(link_down(&error)),
            },
        }
    }
}

/// Ends it, and says so under TLS if that takes no waiting.
impl Drop for Open {
    fn drop(&mut self) {
        let _said = unconstrained(self.write.shutdown()).now_or_never();
    }
}

/// Reads what comes next, at the end nothing. Loses nothing if it is cancelled.
async fn read_some(
    read: &mut ReadHalf<Stream>,
    received: &mut BytesMut,
    read_size: usize,
) -> io::Result<usize> {
    received.reserve(read_size);
    read.read_buf(received).await
}

/// Sends some of `unsent`, or what TLS has kept. Loses nothing if it is cancelled.
async fn write_some(
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

#[cfg(test)]
mod tests;
