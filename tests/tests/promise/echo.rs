//! A server that says who it is, to thousands of clients at once, and dies as a killed process does: all of its sockets
//! close, what has not been answered is reset.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result};
use tests::lab::site::Host;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::oneshot;

use crate::exchange::{self, Life};
use crate::rig::runtime;

/// Clients may come all at once.
const BACKLOG: u32 = 4096;

/// Lives until dropped.
pub(crate) struct Echo {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Echo {
    /// On port 80 of every address of a member.
    pub(crate) fn start(host: &Host, life: Life) -> Result<Self> {
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, listens) = mpsc::channel();
        // Threads inherit the namespace of the one that starts them.
        let thread = host.namespace.inside(|| {
            thread::spawn(move || {
                runtime().block_on(async {
                    let listener = match listen() {
                        Ok(listener) => listener,
                        Err(error) => return ready.send(Err(error)).unwrap(),
                    };
                    ready.send(Ok(())).unwrap();
                    tokio::select! {
                        _ = stopped => {}
                        () = serve(listener, life) => {}
                    }
                });
            })
        })?;
        let what = || format!("{}: cannot listen", host.name);
        listens.recv().with_context(what)?.with_context(what)?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            eprintln!("a server panicked");
        }
    }
}

fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // The one before may have left connections that are still closing.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80)))?;
    socket.listen(BACKLOG)
}

async fn serve(listener: TcpListener, life: Life) {
    loop {
        match listener.accept().await {
            // How a connection ends is the client's to judge.
            Ok((stream, _)) => drop(tokio::spawn(exchange::answer(stream, life))),
            Err(error) => eprintln!("server {life}: {error}"),
        }
    }
}
