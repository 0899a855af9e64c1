//! The control API: HTTP/JSON on a Unix socket, and its read-only part on an optional TCP address.
//!
//! Read-only: `GET /` (a page for people), `/status`, `/metrics`, `/healthz`. Unix socket only: `POST /reload`
//! (answers `{"warnings": ["one line", …]}`), `/detach`, `/quiesce` and `/resume` (`{"group": …, "member": …}`), and `/quiesce/progress`, `/resume/progress`
//! (the same body; `{"done": bool}` and what is left). A refusal is `{"error": "one line"}` with a status other than 2xx; 422 means that
//! the configuration is bad, 400 that the body is, 404 that there is no such member.
//!
//! Nothing is decided here: every request is passed to the loop.

mod page;
mod routes;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use tokio::sync::{mpsc, oneshot};

use super::operator::{Done, Progress};
use super::stats::Stats;
use super::status::Draft;
use super::worker::Worker;
use crate::control::{Listeners, Servers, Tcp};
use crate::datapath::{Instance, Places};

/// Requests waiting for the loop; whoever comes when so many do, waits to be let in.
const QUEUE: usize = 64;

/// The control socket of an instance.
pub fn socket_path(places: &Places, instance: &Instance) -> PathBuf {
    places.run.join(format!("{instance}.sock"))
}

/// Binds the control socket, and `listen` of the configuration if it is set.
pub(super) fn bind(socket: PathBuf, listen: Option<SocketAddr>) -> anyhow::Result<Listeners> {
    let mut listeners = Listeners::default();
    if let Some(address) = listen {
        let key = "`listen` under [balancer]";
        listeners.bind_tcp(Tcp { address, key })?;
    }
    listeners.bind_unix(socket)?;
    Ok(listeners)
}

/// Answers on what [`bind`] has bound, by asking the loop.
pub(super) fn serve(listeners: Listeners, to_loop: &mpsc::Sender<Request>) -> io::Result<Servers> {
    let read_only = routes::read_only(to_loop.clone());
    listeners.serve(routes::all(to_loop.clone()), read_only)
}

/// What the loop is asked. A reply that nobody waits for any more is dropped.
#[derive(Debug)]
pub(super) enum Request {
    /// How things are.
    Status(oneshot::Sender<View>),
    /// Read the configuration again; replies with what is to be known of it.
    Reload(oneshot::Sender<Result<Vec<String>, Refusal>>),
    /// Take a member out or let it back in; replies with the member's canonical name and who was told.
    Operator(MemberAt, bool, oneshot::Sender<Result<Done, Refusal>>),
    /// How far what was asked of a member has come true.
    Progress(MemberAt, bool, oneshot::Sender<Result<Progress, Refusal>>),
    /// Take the data path off and end.
    Detach(oneshot::Sender<Result<(), Refusal>>),
}

/// A member as an operator names it.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemberAt {
    pub(super) group: String,
    pub(super) member: String,
}

/// What a status needs beside counters.
#[derive(Debug)]
pub(super) struct View {
    pub(super) draft: Draft,
    pub(super) stats: Stats,
    pub(super) worker: Worker,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Refusal {
    /// The configuration is bad; nothing was changed.
    #[error("{0}")]
    BadConfig(String),
    /// There is no such member.
    #[error("{0}")]
    BadMember(String),
    /// The request makes no sense, or what it says of a member is none.
    #[error("{0}")]
    BadRequest(String),
    /// It was tried and failed.
    #[error("{0}")]
    Failed(String),
}

impl Request {
    /// True if nobody waits for the reply any more.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Status(reply) => reply.is_closed(),
            Self::Reload(reply) => reply.is_closed(),
            Self::Detach(reply) => reply.is_closed(),
            Self::Operator(_, _, reply) => reply.is_closed(),
            Self::Progress(_, _, reply) => reply.is_closed(),
        }
    }
}

/// The loop's end of the queue and the servers' end.
pub(super) fn queue() -> (mpsc::Sender<Request>, mpsc::Receiver<Request>) {
    mpsc::channel(QUEUE)
}

#[cfg(test)]
mod tests;
