//! The control API: HTTP/JSON on a Unix socket, and its read-only part on an optional TCP address.
//!
//! Read-only: `GET /` (a page for people), `/status`, `/metrics`, `/healthz`. `/status` takes `uid=` and `group=` to show
//! less, and `rows=` to list more balancers, groups and members than [`ROWS`] (at most [`ROWS_MAX`]).
//!
//! Unix socket only: `POST /set` (`{"group": …, "member": …, "weight": …}`), `/auto`, `/quiesce` and `/resume` (the same
//! without a weight), each with `"uid": …` for one balancer's group only. The answer is what is said of the member now,
//! and notes. A refusal is `{"error": "one line"}` with a status other than 2xx; 400 means that the request is bad.

mod page;
mod place;
mod routes;
pub(super) mod sources;
mod status;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hub::Hub;
use super::overrides::Overrides;
use super::sources::Sources;
use crate::control::Servers;

pub use place::Place;
pub(super) use place::{Bound, bind};

/// Rows of a status unless more are asked for.
pub const ROWS: usize = 10_000;
/// Rows of a status at most: any group fits.
pub const ROWS_MAX: usize = 100_000;

/// What is known of the process from its start on.
#[derive(Debug)]
pub(super) struct About {
    pub(super) instance: String,
    /// Where balancers and members connect.
    pub(super) listen: SocketAddr,
    pub(super) config: Option<PathBuf>,
}

/// What answers are made of.
pub(super) struct Context {
    pub(super) hub: Arc<Hub>,
    pub(super) sources: Arc<Sources>,
    pub(super) about: About,
    overrides: Mutex<Overrides>,
}

impl Context {
    pub(super) fn new(
        (hub, sources): (&Arc<Hub>, &Arc<Sources>),
        about: About,
        overrides: Overrides,
    ) -> Arc<Self> {
        Arc::new(Self {
            hub: Arc::clone(hub),
            sources: Arc::clone(sources),
            about,
            overrides: Mutex::new(overrides),
        })
    }

    /// What stands there is right between any two changes, so a poisoned lock is used on.
    pub(super) fn overrides(&self) -> MutexGuard<'_, Overrides> {
        self.overrides
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bound {
    /// Answers on the sockets until they are stopped.
    pub(super) fn serve(self, context: &Arc<Context>) -> std::io::Result<Serving> {
        let all = routes::all(Arc::clone(context));
        let read_only = routes::read_only(Arc::clone(context));
        let servers = self.listeners.serve(all, read_only)?;
        Ok(Serving {
            servers,
            _lock: self.lock,
        })
    }
}

/// Running servers, and the lock without which another GWM of this name could take their socket away.
pub(super) struct Serving {
    servers: Servers,
    _lock: Option<crate::datapath::Lock>,
}

impl Serving {
    /// Lets answers under way out, for a while, and removes the socket.
    pub(super) async fn stop(self) {
        self.servers.stop().await;
    }
}

#[cfg(test)]
mod tests;
