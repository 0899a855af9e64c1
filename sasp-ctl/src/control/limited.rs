//! A listener that no client can occupy: few connections at a time, the oldest of which makes room for a new one, and
//! none of which takes long to say what it wants.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep};

/// Connections at a time per socket: a client that opens many cannot eat our file descriptors.
pub(crate) const CONNECTIONS: usize = 64;
/// A connection is closed so long after it was made or after its last answer, however busily a request drips in.
/// Longer than any answer takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Accepts always; from [`CONNECTIONS`] on, the oldest connection is closed.
pub(crate) struct Limited<L> {
    inner: L,
    /// The connections, the oldest first; one that has gone has closed its end.
    places: VecDeque<oneshot::Sender<()>>,
}

impl<L> Limited<L> {
    pub(crate) fn new(inner: L) -> Self {
        Self {
            inner,
            places: VecDeque::new(),
        }
    }

    /// A place for a new connection, taken from the oldest if there is no other.
    fn place(&mut self) -> oneshot::Receiver<()> {
        self.places.retain(|place| !place.is_closed());
        if self.places.len() >= CONNECTIONS
            && let Some(oldest) = self.places.pop_front()
        {
            // It may have gone at this moment, which is as good.
            let _ = oldest.send(());
        }
        let (place, taken) = oneshot::channel();
        self.places.push_back(place);
        taken
    }
}

impl<L: Listener> Listener for Limited<L> {
    type Io = Timed<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (io, address) = self.inner.accept().await;
        let timed = Timed {
            io,
            end: Box::pin(sleep(PATIENCE)),
            place: Some(self.place()),
        };
        (timed, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// A connection that ends when its time is over or another needs its place.
pub(crate) struct Timed<I> {
    io: I,
    end: Pin<Box<Sleep>>,
    /// `None` once the listener has gone: what is under way then, the last answer above all, ends in its own time.
    place: Option<oneshot::Receiver<()>>,
}

impl<I> Timed<I> {
    /// Fails when the connection has to end.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.end.as_mut().poll(context).is_ready() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let Some(place) = &mut self.place else {
            return Ok(());
        };
        match Pin::new(place).poll(context) {
            Poll::Ready(Ok(())) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Ready(Err(_)) => {
                self.place = None;
                Ok(())
            }
            Poll::Pending => Ok(()),
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Timed<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Timed<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        let moved = Pin::new(&mut self.io).poll_write(context, buffer);
        if moved.is_ready() {
            self.end.as_mut().reset(Instant::now() + PATIENCE);
        }
        moved
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Of a socket, always ready: it moves nothing.
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
