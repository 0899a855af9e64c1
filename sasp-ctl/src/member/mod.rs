//! `sasp-ctl member`: sockets, checks, signals and words around the state machine in [`crate::sasp::member`].
//!
//! Nothing about SASP is decided here. [`agent`] stands beside a server for as long as the server runs; [`once`] says
//! one thing and ends.
//!
//! # Layout
//! * `driver`: bytes and time between the GWM and the machine.
//! * [`agent`]: registers, follows the server's health, quiesces and deregisters at the end. [`once`]: one request a
//!   balancer and group.
//! * [`check`]: is the server healthy? `health`: how many results it takes to believe that. `watch`: the task that
//!   asks. [`state`]: the opaque byte.
//! * `log`: events as lines. `words`: what a refusal means and what to do. `notify`: systemd.
//! * [`signals`]: wishes to stop.

pub mod agent;
pub mod check;
mod driver;
mod health;
mod log;
mod notify;
pub mod once;
pub mod signals;
pub mod state;
mod watch;
mod words;

#[cfg(test)]
mod tests;

use crate::sasp::member::Config;
use crate::session::Target;

/// Who speaks for which member, and to whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The GWM.
    pub target: Target,
    /// The member, its balancers and its groups.
    pub member: Config,
}
