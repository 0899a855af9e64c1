//! Sockets: bound before packets are balanced, served until the daemon ends.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::serve::Listener;
use nix::sys::stat::{Mode, umask};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use super::{Request, routes};

/// Connections at a time per socket; a client that opens many and says nothing cannot eat our file descriptors.
const CONNECTIONS: usize = 64;
/// How long answers under way may take when the daemon ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// Bound sockets that are not served yet.
#[derive(Debug)]
pub(in super::super) struct Listeners {
    unix: UnixListener,
    path: PathBuf,
    tcp: Option<TcpListener>,
}

impl Listeners {
    /// Binds the Unix socket, and the TCP address if there is one. Whoever calls holds the instance's lock, so a socket
    /// that is there is a dead daemon's.
    pub(in super::super) fn bind(path: PathBuf, listen: Option<SocketAddr>) -> Result<Self> {
        let tcp = listen.map(bind_tcp).transpose()?;
        let unix = bind_unix(&path)
            .with_context(|| format!("cannot make the control socket {}", path.display()))?;
        Ok(Self { unix, path, tcp })
    }

    /// Serves until [`Servers::stop`]. Must be called inside a tokio runtime.
    pub(in super::super) fn serve(self, to_loop: &mpsc::Sender<Request>) -> io::Result<Servers> {
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        let unix = Limited::new(tokio::net::UnixListener::from_std(self.unix)?);
        let serve = axum::serve(unix, routes::all(to_loop.clone()));
        tasks.spawn(
            serve
                .with_graceful_shutdown(ended(stopped.clone()))
                .into_future(),
        );
        if let Some(tcp) = self.tcp {
            let tcp = Limited::new(tokio::net::TcpListener::from_std(tcp)?);
            let serve = axum::serve(tcp, routes::read_only(to_loop.clone()));
            tasks.spawn(serve.with_graceful_shutdown(ended(stopped)).into_future());
        }
        Ok(Servers {
            path: self.path,
            stop,
            tasks,
        })
    }
}

/// Running servers.
#[derive(Debug)]
pub(in super::super) struct Servers {
    path: PathBuf,
    stop: watch::Sender<()>,
    tasks: JoinSet<io::Result<()>>,
}

impl Servers {
    /// Lets answers under way out, for a while, and removes the socket.
    pub(in super::super) async fn stop(mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
        drop(self.stop);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, all).await.is_err() {
            tracing::debug!("control connections were cut off");
        }
    }
}

async fn ended(mut stopped: watch::Receiver<()>) {
    // Nothing is ever sent: this waits for the sender to be dropped.
    let _ = stopped.changed().await;
}

fn bind_tcp(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| {
        format!("cannot listen on {address} (`listen` under [balancer]): choose another address")
    })?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // From its first moment on: setting the mode afterwards would leave a gap.
    let former = umask(Mode::S_IXUSR | Mode::S_IRWXG | Mode::S_IRWXO);
    let bound = UnixListener::bind(path);
    umask(former);
    let listener = bound?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// A listener that accepts when one of [`CONNECTIONS`] is free.
struct Limited<L> {
    inner: L,
    free: Arc<Semaphore>,
}

impl<L> Limited<L> {
    fn new(inner: L) -> Self {
        Self {
            inner,
            free: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }
}

impl<L: Listener> Listener for Limited<L> {
    type Io = Counted<L::Io>;
    type Addr = L::Addr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let permit = Arc::clone(&self.free)
            .acquire_owned()
            .await
            .unwrap_or_else(|_| unreachable!("the semaphore is never closed"));
        let (io, address) = self.inner.accept().await;
        let counted = Counted {
            io,
            _permit: permit,
        };
        (counted, address)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.inner.local_addr()
    }
}

/// A connection that gives its place back when it ends.
struct Counted<I> {
    io: I,
    _permit: OwnedSemaphorePermit,
}

impl<I: AsyncRead + Unpin> AsyncRead for Counted<I> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Counted<I> {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &[u8],
    ) -> std::task::Poll<io::Result<usize>> {
        std::pin::Pin::new(&mut self.io).poll_write(context, buffer)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::pin::Pin::new(&mut self.io).poll_shutdown(context)
    }
}
