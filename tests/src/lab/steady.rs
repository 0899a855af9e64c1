//! Connections that stay open: the promise that a live flow never moves, watched from the client.
//!
//! Each asks the same server again and again over one TCP connection. If a packet of it reached another member, that
//! member would answer with a reset.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::namespace::Namespace;
use super::wait::until_true;

/// Between two requests of a connection.
const PAUSE: Duration = Duration::from_millis(20);
/// An answer that takes longer has been lost, with every retransmission that TCP sends in that time.
const PATIENCE: Duration = Duration::from_secs(3);
/// For a few answers of every connection.
const ANSWERS: Duration = Duration::from_secs(20);

/// What the connections have seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Open connections by the member that answers.
    pub open: BTreeMap<String, usize>,
    /// Answered requests of all connections.
    pub answers: u64,
    /// Connections that broke, by the member that answered until then.
    pub broken: BTreeMap<String, usize>,
}

/// Connections that stay open until this is dropped.
#[derive(Debug)]
pub struct Steady {
    report: Arc<Mutex<Report>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Steady {
    /// Opens `count` connections from a namespace.
    ///
    /// # Errors
    /// If the namespace cannot be entered or one cannot be opened.
    pub fn open(namespace: &Namespace, server: SocketAddr, count: usize) -> Result<Self> {
        let report = Arc::new(Mutex::new(Report::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let connections = namespace.inside(|| {
            (0..count)
                .map(|_| Connection::open(server))
                .collect::<io::Result<Vec<_>>>()
        })??;
        for connection in &connections {
            *lock(&report)
                .open
                .entry(connection.member.clone())
                .or_default() += 1;
        }
        let threads = connections
            .into_iter()
            .map(|connection| {
                let (report, stop) = (Arc::clone(&report), Arc::clone(&stop));
                thread::spawn(move || connection.run(&report, &stop))
            })
            .collect();
        Ok(Self {
            report,
            stop,
            threads,
        })
    }

    /// What they have seen so far.
    pub fn report(&self) -> Report {
        lock(&self.report).clone()
    }

    /// Waits until the open ones have been answered some times more.
    ///
    /// # Errors
    /// If they are not.
    pub fn more_answers(&self) -> Result<()> {
        let report = self.report();
        let open: usize = report.open.values().sum();
        let wanted = report.answers + 5 * open as u64;
        until_true(ANSWERS, "more answers", || {
            Ok(self.report().answers >= wanted)
        })
        .with_context(|| format!("{:?}", self.report()))
    }

    /// Closes them and says what they have seen.
    ///
    /// # Errors
    /// If a thread panicked.
    pub fn close(mut self) -> Result<Report> {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                bail!("a thread of a steady connection panicked");
            }
        }
        Ok(self.report())
    }
}

impl Drop for Steady {
    fn drop(&mut self) {
        // They end with their next answer; nobody waits for them.
        self.stop.store(true, Ordering::Relaxed);
    }
}

struct Connection {
    stream: BufReader<TcpStream>,
    member: String,
}

impl Connection {
    fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream: BufReader::new(stream),
            member: String::new(),
        };
        connection.member = connection.ask()?;
        Ok(connection)
    }

    fn run(mut self, report: &Mutex<Report>, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            match self.ask() {
                Ok(member) if member == self.member => lock(report).answers += 1,
                // It cannot answer as somebody else; if it does, the connection has not survived as what it was.
                Ok(_) | Err(_) => {
                    let mut report = lock(report);
                    *report.open.entry(self.member.clone()).or_default() -= 1;
                    *report.broken.entry(self.member.clone()).or_default() += 1;
                    return;
                }
            }
            thread::sleep(PAUSE);
        }
    }

    /// One request and its answer's body.
    fn ask(&mut self) -> io::Result<String> {
        let request = b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n";
        self.stream.get_mut().write_all(request)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(String::from_utf8_lossy(&body).trim_end().to_owned())
    }
}

/// A thread that panicked has left nothing half done.
fn lock(report: &Mutex<Report>) -> MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}
