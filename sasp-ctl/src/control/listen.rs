//! Sockets: bound before there is anything to serve, served until the process ends.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use nix::sys::stat::{Mode, umask};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limited::Limited;

/// How long answers under way may take when the daemon ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// A TCP address and the key of the configuration that it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp {
    pub(crate) address: SocketAddr,
    /// As in "`listen` under [balancer]".
    pub(crate) key: &'static str,
}

/// Bound sockets that are not served yet.
#[derive(Debug)]
pub(crate) struct Listeners {
    unix: UnixListener,
    path: PathBuf,
    tcp: Option<TcpListener>,
}

impl Listeners {
    /// Binds the Unix socket, and the TCP address if there is one. Whoever calls holds the instance's lock, so a socket
    /// that is there is a dead process's.
    pub(crate) fn bind(path: PathBuf, tcp: Option<Tcp>) -> Result<Self> {
        let tcp = tcp.map(Tcp::bind).transpose()?;
        let unix = bind_unix(&path)
            .with_context(|| format!("cannot make the control socket {}", path.display()))?;
        Ok(Self { unix, path, tcp })
    }

    /// Serves `all` on the Unix socket and `read_only` on the TCP address, until [`Servers::stop`]. Must be called
    /// inside a tokio runtime.
    pub(crate) fn serve(self, all: Router, read_only: Router) -> io::Result<Servers> {
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        let unix = Limited::new(tokio::net::UnixListener::from_std(self.unix)?);
        let serve = axum::serve(unix, all);
        tasks.spawn(
            serve
                .with_graceful_shutdown(ended(stopped.clone()))
                .into_future(),
        );
        if let Some(tcp) = self.tcp {
            let tcp = Limited::new(tokio::net::TcpListener::from_std(tcp)?);
            let serve = axum::serve(tcp, read_only);
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
pub(crate) struct Servers {
    path: PathBuf,
    stop: watch::Sender<()>,
    tasks: JoinSet<io::Result<()>>,
}

impl Servers {
    /// Lets answers under way out, for a while, and removes the socket.
    pub(crate) async fn stop(mut self) {
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

impl Tcp {
    fn bind(self) -> Result<TcpListener> {
        let Self { address, key } = self;
        let listener = TcpListener::bind(address).with_context(|| {
            format!("cannot listen on {address} ({key}): choose another address")
        })?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
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
