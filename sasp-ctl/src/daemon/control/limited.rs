//! A listener that no client can occupy: few connections at a time, none of them silent for long.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};

/// Connections at a time per socket: a client that opens many cannot eat our file descriptors.
pub(super) const CONNECTIONS: usize = 64;
/// A connection on which nothing moves for so long is closed. Longer than any answer takes.
const IDLE: Duration = Duration::from_secs(30);

/// Accepts when one of [`CONNECTIONS`] is free.
pub(super) struct Limited<L> {
    inner: L,
    free: Arc<Semaphore>,
}

impl<L> Limited<L> {
    pub(super) fn new(inner: L) -> Self {
        Self {
            inner,
            free: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }
}

impl<L: Listener> Listener for Limited<L> {
    type Io = Timed<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let place = Arc::clone(&self.free)
            .acquire_owned()
            .await
            .unwrap_or_else(|_| unreachable!("the semaphore is never closed"));
        let (io, address) = self.inner.accept().await;
        let timed = Timed {
            io,
            idle: Box::pin(sleep(IDLE)),
            _place: place,
        };
        (timed, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// A connection that ends when it is idle, and gives its place back.
pub(super) struct Timed<I> {
    io: I,
    idle: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
}

impl<I> Timed<I> {
    /// Something has moved, or nothing for too long.
    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        moved: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.idle.as_mut().reset(Instant::now() + IDLE);
            return moved;
        }
        self.idle
            .as_mut()
            .poll(context)
            .map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Timed<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.io).poll_read(context, buffer);
        self.judge(context, moved)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Timed<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.io).poll_write(context, buffer);
        self.judge(context, moved)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Of a socket, always ready: it moves nothing.
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
