//! Small servers inside the tests' own process, for what nginx does not speak.

use std::io::{ErrorKind, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::namespace::Namespace;

/// How often a server looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// A server, until dropped.
#[derive(Debug)]
pub struct Server {
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Answers every datagram with `name`, from the address that it came to.
    ///
    /// # Errors
    /// If the address is not the namespace's, or taken.
    pub fn udp(namespace: &Namespace, address: SocketAddr, name: &str) -> Result<Self> {
        let socket = namespace.inside(|| UdpSocket::bind(address))?;
        let socket = socket.with_context(|| format!("cannot listen on {address}/udp"))?;
        socket.set_read_timeout(Some(LOOK))?;
        let name = name.to_owned();
        Ok(Self::run(move || {
            let mut buffer = [0; 2048];
            let (_, client) = socket.recv_from(&mut buffer)?;
            socket.send_to(name.as_bytes(), client)?;
            Ok(())
        }))
    }

    /// Greets every TCP client with `name` and hangs up.
    ///
    /// # Errors
    /// If the address is not the namespace's, or taken.
    pub fn tcp(namespace: &Namespace, address: SocketAddr, name: &str) -> Result<Self> {
        Self::agent(namespace, address, Arc::new(Mutex::new(name.to_owned())))
    }

    /// The same with words that may change, as the agent of a health check has them.
    ///
    /// # Errors
    /// As [`Server::tcp`].
    pub fn agent(
        namespace: &Namespace,
        address: SocketAddr,
        words: Arc<Mutex<String>>,
    ) -> Result<Self> {
        let listener = namespace.inside(|| TcpListener::bind(address))?;
        let listener = listener.with_context(|| format!("cannot listen on {address}/tcp"))?;
        listener.set_nonblocking(true)?;
        Ok(Self::run(move || match listener.accept() {
            Ok((mut client, _)) => {
                // Whoever panicked while holding it has left whole words.
                let words = words.lock().unwrap_or_else(PoisonError::into_inner).clone();
                client.write_all(words.as_bytes())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(LOOK);
                Ok(())
            }
            Err(error) => Err(error),
        }))
    }

    fn run(mut serve: impl FnMut() -> std::io::Result<()> + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                match serve() {
                    Err(error) if error.kind() != ErrorKind::WouldBlock => {
                        eprintln!("test server: {error}");
                    }
                    _ => {}
                }
            }
        });
        Self { stop }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
