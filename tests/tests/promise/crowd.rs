//! Thousands of clients, each with one connection on which it speaks now and then.
//!
//! They note each connection that breaks, and why that may be excused: its server's life is over, or the client itself
//! was silent for so long that nobody has to remember it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tests::lab::namespace::Namespace;
use tests::lab::wait::until_true;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::dice::Dice;
use crate::exchange::{self, Life};
use crate::rig::runtime;

/// An answer that takes longer has been lost, with all that TCP sent again.
const PATIENCE: Duration = Duration::from_secs(20);
/// For each client to be answered once more.
const ROUND: Duration = Duration::from_secs(40);
/// Between two questions of a client, in milliseconds.
const PAUSE: (usize, usize) = (200, 2000);

/// What clients are like.
#[derive(Clone, Copy)]
pub(crate) struct Manners {
    /// How many there are.
    pub(crate) clients: usize,
    /// The service's idle timeout.
    pub(crate) idle: Duration,
    /// Each fourth connection is closed after a few questions; who has lost one opens another.
    pub(crate) restless: bool,
}

/// What they have seen.
#[derive(Clone, Default, Debug)]
pub(crate) struct Seen {
    pub(crate) opened: usize,
    pub(crate) answers: u64,
    /// Connections that broke without an excuse: by the client's port, how.
    pub(crate) broken: BTreeMap<u16, String>,
    /// Connections that could not be opened though nobody was in trouble.
    pub(crate) refused: Vec<String>,
    /// Connections whose server's life was over, or that could not be opened while one ended.
    pub(crate) excused: usize,
    /// Connections whose client was silent for nearly the idle timeout: this machine was too slow.
    pub(crate) late: usize,
    /// By client: answers; nothing once it has given up.
    clients: Vec<Option<u64>>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    ended: Mutex<Ended>,
}

/// What excuses.
#[derive(Default)]
struct Ended {
    lives: BTreeSet<Life>,
    /// Odd while a life ends and the balancer may not know it yet.
    troubles: u32,
}

pub(crate) struct Crowd {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Starts the clients in a namespace, and waits until each has had an answer.
    pub(crate) fn gather(
        namespace: &Namespace,
        server: SocketAddr,
        manners: Manners,
        dice: &mut Dice,
    ) -> Result<Self> {
        let shared = Arc::new(Shared::default());
        lock(&shared.seen).clients = vec![Some(0); manners.clients];
        let dice: Vec<Dice> = (0..manners.clients).map(|_| dice.split()).collect();
        let (stop, stopped) = oneshot::channel::<()>();
        let all = Arc::clone(&shared);
        // Threads inherit the namespace of the one that starts them.
        let thread = namespace.inside(|| {
            thread::spawn(move || {
                runtime().block_on(async {
                    for (number, dice) in dice.into_iter().enumerate() {
                        let shared = Arc::clone(&all);
                        let client = Client {
                            number,
                            server,
                            manners,
                            dice,
                            shared,
                        };
                        tokio::spawn(client.live());
                    }
                    // An error means that the crowd was dropped: the end as well.
                    let _ = stopped.await;
                });
            })
        })?;
        let crowd = Self {
            shared,
            stop: Some(stop),
            thread: Some(thread),
        };
        crowd.everyone_answered()?;
        Ok(crowd)
    }

    /// Waits until each client that has not given up has been answered once more.
    pub(crate) fn everyone_answered(&self) -> Result<()> {
        let before = self.seen().clients;
        until_true(ROUND, "an answer to each client", || {
            let seen = lock(&self.shared.seen);
            let mut pairs = before.iter().zip(&seen.clients);
            Ok(pairs.all(|(before, now)| now.is_none() || now > before))
        })
        .with_context(|| format!("{:?}", self.seen().broken))
    }

    pub(crate) fn seen(&self) -> Seen {
        lock(&self.shared.seen).clone()
    }

    /// While `act` ends a server's life, and until the balancer knows it, connections that are being opened may fail.
    /// Those that are open to it may break from now on.
    pub(crate) fn excuse<T>(&self, life: Life, act: impl FnOnce() -> Result<T>) -> Result<T> {
        {
            let mut ended = lock(&self.shared.ended);
            ended.lives.insert(life);
            ended.troubles += 1;
        }
        let result = act();
        lock(&self.shared.ended).troubles += 1;
        result
    }

    /// Ends the clients and says what they have seen.
    pub(crate) fn disperse(mut self) -> Result<Seen> {
        drop(self.stop.take());
        let thread = self.thread.take().context("they have gone")?;
        thread.join().ok().context("the clients panicked")?;
        Ok(self.seen())
    }
}

struct Client {
    number: usize,
    server: SocketAddr,
    manners: Manners,
    dice: Dice,
    shared: Arc<Shared>,
}

struct Connection {
    stream: TcpStream,
    port: u16,
    life: Life,
    answered: Instant,
}

impl Client {
    async fn live(mut self) {
        loop {
            self.pause().await;
            let troubles = lock(&self.shared.ended).troubles;
            match patient(open(self.server)).await {
                Ok(connection) => {
                    self.shared.opened(self.number);
                    if !self.talk(connection).await && !self.manners.restless {
                        lock(&self.shared.seen).clients[self.number] = None;
                        return;
                    }
                }
                Err(error) => self.shared.refused(troubles, &error),
            }
        }
    }

    async fn pause(&mut self) {
        sleep(self.dice.millis(PAUSE.0, PAUSE.1)).await;
    }

    /// Asks until the client has enough; false if the connection broke.
    async fn talk(&mut self, mut connection: Connection) -> bool {
        let brief = self.manners.restless && self.dice.below(4) == 0;
        let mut left = brief.then(|| 1 + self.dice.below(8));
        while left != Some(0) {
            self.pause().await;
            let silent = connection.answered.elapsed();
            let number = u64::from(connection.port) << 32 | left.unwrap_or_default() as u64;
            let how = match patient(exchange::ask(&mut connection.stream, number)).await {
                Ok(life) if life == connection.life => {
                    connection.answered = Instant::now();
                    lock(&self.shared.seen).answered(self.number);
                    left = left.map(|left| left - 1);
                    continue;
                }
                Ok(life) => format!("server {life} answered"),
                Err(error) => error.to_string(),
            };
            let late = silent > self.manners.idle * 3 / 4;
            self.shared.broken(&connection, late, &how);
            return false;
        }
        true
    }
}

async fn open(server: SocketAddr) -> io::Result<Connection> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let port = stream.local_addr()?.port();
    let life = exchange::ask(&mut stream, port.into()).await?;
    Ok(Connection {
        stream,
        port,
        life,
        answered: Instant::now(),
    })
}

async fn patient<T>(act: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match timeout(PATIENCE, act).await {
        Ok(result) => result,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

impl Shared {
    fn opened(&self, client: usize) {
        let mut seen = lock(&self.seen);
        seen.opened += 1;
        seen.answered(client);
    }

    fn broken(&self, connection: &Connection, late: bool, how: &str) {
        let Connection { port, life, .. } = *connection;
        let ended = lock(&self.ended).lives.contains(&life);
        let mut seen = lock(&self.seen);
        if ended {
            seen.excused += 1;
        } else if late {
            seen.late += 1;
        } else {
            seen.broken.insert(port, format!("server {life}: {how}"));
        }
    }

    fn refused(&self, troubles_before: u32, error: &io::Error) {
        let troubles = lock(&self.ended).troubles;
        let mut seen = lock(&self.seen);
        if troubles != troubles_before || troubles % 2 == 1 {
            seen.excused += 1;
        } else {
            seen.refused.push(error.to_string());
        }
    }
}

impl Seen {
    fn answered(&mut self, client: usize) {
        self.answers += 1;
        if let Some(answers) = &mut self.clients[client] {
            *answers += 1;
        }
    }
}

/// A thread that panicked has left nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
