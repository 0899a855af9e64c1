//! A session with one GWM over a real socket: the thin driver of [`crate::sasp::client`].
//!
//! It moves bytes and tells the time, and decides nothing about SASP.
//!
//! # Layout
//! * `dial`: the way to a GWM, for everybody who speaks with one. `stream`: what comes of it, plain or under TLS.
//! * `connection`: dialling, reading and writing for whoever drives a state machine, a session's or a member's.
//! * `driver`: the task. `outbox`: events on their way to a slow owner. `log`: one line an event.

pub(crate) mod connection;
mod dial;
mod driver;
mod log;
mod outbox;
mod stream;

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, RandomState};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

use crate::sasp::client::{self, Client, Desired, Event, NotDeregistered, Snapshot};

use driver::Driver;

pub use dial::{DialError, Target, dial};
pub use stream::Stream;

/// Events that wait for the owner inside the channel; more wait, merged, in the driver.
const EVENTS_QUEUED: usize = 64;

/// Which GWM, and how to speak with it.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it is.
    pub target: Target,
    /// Settings of the protocol.
    pub client: client::Config,
}

/// A running session. Dropping it ends the session; the GWM keeps what it knows for its grace time.
#[derive(Debug)]
pub struct Session {
    desired: watch::Sender<Desired>,
    farewells: mpsc::Sender<Farewell>,
    snapshot: watch::Receiver<Snapshot>,
    task: JoinHandle<()>,
}

/// Asks the driver to deregister everything and to say how it went.
type Farewell = oneshot::Sender<Result<(), NotDeregistered>>;

impl Session {
    /// Starts a session, which tries to reach the GWM until it is stopped.
    ///
    /// Events come through the receiver in order. If it is not read, weights of one group replace each other, so
    /// that a slow owner sees the latest and holds nobody up.
    pub fn spawn(config: Config, desired: Desired) -> (Self, mpsc::Receiver<Event>) {
        let seed = RandomState::new().hash_one(&config.target.host);
        let client = Client::new(
            config.client.clone(),
            desired.clone(),
            seed,
            connection::now(),
        );
        let (events_in, events) = mpsc::channel(EVENTS_QUEUED);
        let (desired, desired_out) = watch::channel(desired);
        let (farewells, farewells_out) = mpsc::channel(1);
        let (snapshot_in, snapshot) = watch::channel(client.snapshot());
        let driver = Driver::new(
            config,
            client,
            desired_out,
            farewells_out,
            snapshot_in,
            events_in,
        );
        let task = tokio::spawn(driver.run());
        (
            Self {
                desired,
                farewells,
                snapshot,
                task,
            },
            events,
        )
    }

    /// Wants the GWM to know something else from now on.
    pub fn set_desired(&self, desired: Desired) {
        self.desired.send_replace(desired);
    }

    /// The session as it stands; the receiver follows it.
    pub fn snapshot(&self) -> watch::Receiver<Snapshot> {
        self.snapshot.clone()
    }

    /// Tells the GWM to forget all of our groups and waits until it confirms. The session is disabled afterwards.
    ///
    /// # Errors
    /// If the GWM did not confirm; it drops the groups after its grace time.
    pub async fn deregister_all(&self) -> Result<(), NotDeregistered> {
        let (farewell, answer) = oneshot::channel();
        // Both fail only if the driver is gone, and its connection with it.
        self.farewells
            .send(farewell)
            .await
            .map_err(|_| NotDeregistered::NotConnected)?;
        answer.await.map_err(|_| NotDeregistered::Lost)?
    }

    /// Closes the connection and waits until that is done.
    pub async fn stop(self) {
        let Self { desired, task, .. } = self;
        drop(desired);
        if let Err(error) = task.await {
            tracing::error!(%error, "the driver of the session died");
        }
    }
}
