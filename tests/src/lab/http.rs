//! An HTTP client that opens a connection for every request, and load made of it.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::namespace::Namespace;
use super::wait::until_true;

/// For connecting. Less than the second after which TCP sends a SYN again: one that was lost shows.
const CONNECT: Duration = Duration::from_millis(800);
/// For every read: a busy server is not a lost packet.
const ANSWER: Duration = Duration::from_secs(3);

/// Gets `/` over a new connection and gives the body. Runs in the namespace that the thread is in.
///
/// # Errors
/// If there is no complete answer with status 200.
pub fn get(server: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect_timeout(&server, CONNECT).context("connect")?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_nodelay(true)?;
    let request = format!("GET / HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).context("send")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("receive")?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        bail!("no answer: {answer:?}");
    };
    ensure!(head.starts_with("HTTP/1.1 200 "), "{head}");
    Ok(body.trim_end().to_owned())
}

/// Who answered how many requests.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// By the body of the answer, which names the member.
    pub answers: BTreeMap<String, u64>,
    /// Requests without an answer, by cause.
    pub failures: BTreeMap<String, u64>,
    /// When the latest connection was opened, by who answered.
    pub latest: BTreeMap<String, Instant>,
}

impl Tally {
    /// All answers.
    pub fn total(&self) -> u64 {
        self.answers.values().sum()
    }

    /// All requests without an answer.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// How many answers came from `name`.
    pub fn of(&self, name: &str) -> u64 {
        self.answers.get(name).copied().unwrap_or_default()
    }

    /// The share of `name` in all answers, 0 if there is none.
    pub fn share(&self, name: &str) -> f64 {
        match self.total() {
            0 => 0.0,
            total => self.of(name) as f64 / total as f64,
        }
    }

    /// Adds what another counted.
    pub fn add(&mut self, other: &Self) {
        for (name, count) in &other.answers {
            *self.answers.entry(name.clone()).or_default() += count;
        }
        for (cause, count) in &other.failures {
            *self.failures.entry(cause.clone()).or_default() += count;
        }
        for (name, time) in &other.latest {
            let latest = self.latest.entry(name.clone()).or_insert(*time);
            *latest = (*latest).max(*time);
        }
    }
}

/// Clients that open one connection after another, until dropped.
#[derive(Debug)]
pub struct Load {
    tally: Arc<Mutex<Tally>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// `clients` threads in a namespace, each at most one connection every `pause`.
    ///
    /// # Errors
    /// If the namespace cannot be entered.
    pub fn start(
        namespace: &Namespace,
        server: SocketAddr,
        clients: usize,
        pause: Duration,
    ) -> Result<Self> {
        let tally = Arc::new(Mutex::new(Tally::default()));
        let stop = Arc::new(AtomicBool::new(false));
        // Threads inherit the namespace of the one that starts them.
        let threads = namespace.inside(|| {
            (0..clients)
                .map(|_| {
                    let (tally, stop) = (Arc::clone(&tally), Arc::clone(&stop));
                    thread::spawn(move || client(server, pause, &tally, &stop))
                })
                .collect()
        })?;
        Ok(Self {
            tally,
            stop,
            threads,
        })
    }

    /// What was counted since the last call.
    pub fn take(&self) -> Tally {
        std::mem::take(&mut *lock(&self.tally))
    }

    /// Ends the clients; gives what was counted since the last [`Load::take`].
    ///
    /// # Errors
    /// If a client panicked.
    pub fn stop(mut self) -> Result<Tally> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            match thread.join() {
                Ok(()) => {}
                Err(_) => bail!("a client thread panicked"),
            }
        }
        Ok(self.take())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // They end within a request; nobody waits for them.
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Who answers `count` new connections, and who does not.
///
/// # Errors
/// If the namespace cannot be entered, or it takes longer than `deadline`.
pub fn sample(
    namespace: &Namespace,
    server: SocketAddr,
    count: u64,
    deadline: Duration,
) -> Result<Tally> {
    let load = Load::start(namespace, server, 8, Duration::ZERO)?;
    let mut tally = Tally::default();
    until_true(deadline, "connections", || {
        tally.add(&load.take());
        Ok(tally.total() + tally.failed() >= count)
    })?;
    tally.add(&load.stop()?);
    Ok(tally)
}

fn client(server: SocketAddr, pause: Duration, tally: &Mutex<Tally>, stop: &AtomicBool) {
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let opened = Instant::now();
        let answer = get(server);
        let mut tally = lock(tally);
        match answer {
            Ok(member) => {
                let latest = tally.latest.entry(member.clone()).or_insert(opened);
                *latest = (*latest).max(opened);
                *tally.answers.entry(member).or_default() += 1;
            }
            Err(error) => *tally.failures.entry(cause(&error)).or_default() += 1,
        }
        drop(tally);
        next += pause;
        match next.checked_duration_since(Instant::now()) {
            Some(rest) => thread::sleep(rest),
            // Late after a failure: go on from here instead of catching up.
            None => next = Instant::now(),
        }
    }
}

fn cause(error: &anyhow::Error) -> String {
    let kind = error
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind);
    match kind {
        Some(ErrorKind::WouldBlock) => format!("{error}: timed out"),
        _ => format!("{error:#}"),
    }
}

/// A client that panicked has left nothing half done.
fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
