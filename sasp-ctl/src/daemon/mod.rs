//! The daemon: one loop between the GWM, netlink, the operator and the data path.
//!
//! It decides nothing about weights or tables ([`crate::balance`] does) and touches no map ([`crate::datapath`] does);
//! it carries events from one to the other, in order, and answers questions. It may die at any moment: the maps are
//! the only durable state, and the next one goes on with them.
//!
//! # Layout
//! * `event_loop`: what happens, and what follows. `publish`: from changes to maps. `reload`, `operator`: what the
//!   operator asks for.
//! * `gwm`: the sessions and what follows from their events. `words`: how far they can be trusted, and which count.
//! * `hops`: next hops. `health`: how well we are, for the GWMs.
//! * `interfaces`: what becomes of them. `troubles`, `advice`: what the network or this host keeps from working.
//!   [`outlook`]: the same, for whoever asks.
//! * [`translations`]: those of `full-nat`, swept.
//! * [`control`]: HTTP/JSON on sockets. [`status`], `metrics`, `stats`, `flow_room`, `shortage`, `weights_log`: what there is to see.
//! * `worker`: the thread that owns the data path. `privileges`, `notify`: the process.

pub mod control;
pub mod outlook;
pub mod status;

mod advice;
mod event_loop;
mod flow_room;
mod gwm;
mod health;
mod hops;
mod interfaces;
mod metrics;
mod notify;
mod operator;
mod privileges;
mod publish;
mod reload;
mod shortage;
mod start;
mod stats;
pub mod translations;
mod troubles;
mod weights_log;
mod words;
mod worker;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use crate::clock;
use crate::config::{Config, Flags};
use crate::control::Listeners;
use crate::datapath::{Datapath, Instance, Mode, Options, Places};

/// What `attach` was asked for.
#[derive(Debug)]
pub struct Setup {
    /// Name of the balancer.
    pub instance: Instance,
    /// Interfaces to attach to.
    pub interfaces: Vec<String>,
    /// How the program runs.
    pub mode: Mode,
    /// Where state lives.
    pub places: Places,
    /// What to balance.
    pub config: Config,
    /// Where the config came from, to be read again on reload; `None` if flags are all there is.
    pub file: Option<PathBuf>,
    /// Flags, to be added again on reload.
    pub flags: Flags,
}

/// Attaches, and stays until a signal (the data path goes on forwarding) or `detach` (it is gone).
///
/// Must be called while the process has a single thread: capabilities are given up on the way.
///
/// # Errors
/// What could not be attached, bound or started, or why going on made no sense. The data path, once attached, stays.
pub fn run(setup: Setup) -> Result<()> {
    for warning in &setup.config.warnings {
        tracing::warn!("{warning}");
    }
    let balancer = &setup.config.balancer;
    let mut datapath = Datapath::attach(&Options {
        instance: setup.instance.clone(),
        interfaces: setup.interfaces.clone(),
        mode: setup.mode,
        sizes: balancer.limits,
        seed: balancer.hash_seed,
        packet_log: balancer.packet_log,
        places: setup.places.clone(),
    })?;
    let adopted = datapath.take_adopted();
    let (listeners, runtime) = match prepare(&setup) {
        Ok(prepared) => prepared,
        Err(error) => {
            if adopted.services.is_empty() {
                // It was put there a moment ago and does nothing yet.
                if let Err(left) = datapath.detach() {
                    tracing::warn!("{left}; `sasp-ctl detach` will try again");
                }
            }
            return Err(error);
        }
    };
    let result = runtime.block_on(start::run(setup, datapath, adopted, listeners));
    notify::stopping();
    // Not `drop`: a blocking call that hangs must not keep the daemon from ending.
    runtime.shutdown_background();
    result
}

/// Everything that can go wrong between attaching and going on.
fn prepare(setup: &Setup) -> Result<(Listeners, Runtime)> {
    let socket = control::socket_path(&setup.places, &setup.instance);
    let listeners = control::bind(socket, setup.config.balancer.listen)?;
    privileges::drop_unneeded()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the event loop's threads")?;
    Ok((listeners, runtime))
}
