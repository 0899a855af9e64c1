//! Sockets: bound before there is anything to serve, served until the process ends.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use nix::sys::stat::{Mode, umask};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::limited::Limited;

/// How long answers under way may take when the process ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// A TCP address and the key of the configuration that it stands in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tcp {
    pub(crate) address: SocketAddr,
    /// As in "`listen` under `[balancer]`".
    pub(crate) key: &'static str,
}

/// Bound sockets that are not served yet.
#[derive(Default, Debug)]
pub(crate) struct Listeners {
    unix: Option<(UnixListener, PathBuf)>,
    tcp: Option<TcpListener>,
}

impl Listeners {
    /// Binds the Unix socket. Whoever calls holds the instance's lock, so a socket that is there is a dead process's.
    pub(crate) fn bind_unix(&mut self, path: PathBuf) -> Result<()> {
        let unix = bind_unix(&path)
            .with_context(|| format!("cannot make the control socket {}", path.display()))?;
        self.unix = Some((unix, path));
        Ok(())
    }

    /// Binds the TCP address.
    pub(crate) fn bind_tcp(&mut self, tcp: Tcp) -> Result<()> {
        self.tcp = Some(tcp.bind()?);
        Ok(())
    }

    /// Serves `all` on the Unix socket and `read_only` on the TCP address, until [`Servers::stop`]. Must be called
    /// inside a tokio runtime.
    pub(crate) fn serve(self, all: Router, read_only: Router) -> io::Result<Servers> {
        let (stop, stopped) = watch::channel(());
        let mut tasks = JoinSet::new();
        let mut path = None;
        if let Some((unix, bound)) = self.unix {
            path = Some(bound);
            let unix = Limited::new(tokio::net::UnixListener::from_std(unix)?);
            let serve = axum::serve(unix, all).with_graceful_shutdown(ended(stopped.clone()));
            tasks.spawn(serve.into_future());
        }
        if let Some(tcp) = self.tcp {
            let tcp = Limited::new(tokio::net::TcpListener::from_std(tcp)?);
            let serve = axum::serve(tcp, read_only).with_graceful_shutdown(ended(stopped));
            tasks.spawn(serve.into_future());
        }
        Ok(Servers { path, stop, tasks })
    }
}

/// Running servers.
#[derive(Debug)]
pub(crate) struct Servers {
    path: Option<PathBuf>,
    stop: watch::Sender<()>,
    tasks: JoinSet<io::Result<()>>,
}

impl Servers {
    /// Lets answers under way out, for a while, and removes the socket.
    pub(crate) async fn stop(mut self) {
        if let Some(path) = self.path
            && let Err(error) = fs::remove_file(&path)
        {
            tracing::warn!("cannot remove {}: {error}", path.display());
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

/// Removes the socket of a process that has died; nothing else, which somebody may still want.
fn make_room(path: &Path) -> io::Result<()> {
    let what = match fs::symlink_metadata(path) {
        Ok(there) if there.file_type().is_socket() => return fs::remove_file(path),
        Ok(there) if there.is_symlink() => "a symbolic link",
        Ok(there) if there.is_dir() => "a directory",
        Ok(there) if there.is_file() => "a regular file",
        Ok(_) => "a pipe or a device",
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!(
            "{what} is there, and only a socket is replaced: move it away, or use another --instance"
        ),
    ))
}

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    make_room(path)?;
    // From its first moment on: setting the mode afterwards would leave a gap.
    let former = umask(Mode::S_IXUSR | Mode::S_IRWXG | Mode::S_IRWXO);
    let bound = UnixListener::bind(path);
    umask(former);
    let listener = bound?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_a_socket_makes_room_for_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::write(path("file"), "precious").unwrap();
        drop(UnixListener::bind(path("stale")).unwrap());
        symlink(path("stale"), path("link")).unwrap();
        symlink(path("nowhere"), path("dangling")).unwrap();
        fs::create_dir(path("directory")).unwrap();
        nix::unistd::mkfifo(&path("fifo"), Mode::S_IRWXU).unwrap();
        for (name, what) in [
            ("file", "a regular file is there"),
            ("link", "a symbolic link is there"),
            ("dangling", "a symbolic link is there"),
            ("directory", "a directory is there"),
            ("fifo", "a pipe or a device is there"),
        ] {
            let refused = Listeners::default().bind_unix(path(name)).unwrap_err();
            let refused = format!("{refused:#}");
            assert!(refused.contains(what), "{name}: {refused}");
            assert!(refused.contains("move it away"), "{name}: {refused}");
            assert!(!refused.contains('\n'), "{name}: {refused}");
            assert!(fs::symlink_metadata(path(name)).is_ok(), "{name} is gone");
        }
        assert_eq!(fs::read_to_string(path("file")).unwrap(), "precious");
        assert!(!path("nowhere").exists());
        assert!(path("stale").exists(), "what a link names is left alone");
        Listeners::default().bind_unix(path("stale")).unwrap();
        Listeners::default().bind_unix(path("new/socket")).unwrap();
    }
}
