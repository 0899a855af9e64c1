//! From an attached data path to a running loop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::watch;

use super::control;
use super::event_loop::{Daemon, Exit};
use super::gwm::{self, Links};
use super::health::Health;
use super::publish::Publisher;
use super::stats::Stats;
use super::weights_log::WeightsLog;
use super::words::Words;
use super::worker::Worker;
use super::{Setup, advice, clock, interfaces, translations};
use crate::balance::change::{Adopted, Change};
use crate::balance::model::{Balancer, Limits, Wanted};
use crate::config::Config;
use crate::control::Listeners;
use crate::datapath::{Datapath, nexthop};

/// A member that does not answer for its MAC address does not put off being ready for longer.
const READY_BY: Duration = Duration::from_secs(1);

/// Adopts what the maps hold, makes it what the config wants, and runs the loop until it ends.
pub(super) async fn run(
    setup: Setup,
    mut datapath: Datapath,
    adopted: Adopted,
    listeners: Listeners,
) -> Result<()> {
    start_packet_log(&mut datapath)?;
    let interfaces = datapath.interfaces().to_vec();
    let (balancer, changes) = adopt(&datapath, adopted, &setup.config)?;
    let sizes = datapath.sizes();
    let worker = Worker::start(datapath).context("cannot start a thread")?;
    let mut stats = Stats::new(&sizes);
    let mut publisher = Publisher::new(worker.clone());
    publisher.publish(changes, &mut stats).await?;

    let (members, watched) = watch::channel(balancer.member_addresses());
    // Without members there is nothing to wait for.
    let patience = match watched.borrow().is_empty() {
        true => Duration::ZERO,
        false => READY_BY,
    };
    let (attached, ifindexes) = watch::channel(interfaces::indices(&interfaces));
    let (replies, translated) = watch::channel(advice::replies(&setup.config.services));
    let hops = nexthop::spawn(ifindexes, watched, translated)
        .context("cannot watch routes and neighbours")?;
    let (to_loop, requests) = control::queue();
    let servers = control::serve(listeners, &to_loop).context("cannot serve the control socket")?;
    let config = &setup.config;
    let health = Health::default();
    let mut links = Links::default();
    let quiesced = balancer.quiesced();
    links.set(&config.gwms, &config.balancer.uid, |gwm| {
        gwm::desired(config, gwm, &quiesced, health.told())
    });
    let mut daemon = Daemon {
        words: Words::new(config, Instant::now()),
        links,
        health,
        interfaces,
        balancer,
        worker: worker.clone(),
        publisher,
        stats,
        weights_log: WeightsLog::default(),
        translation_sweep: translations::Sweep::default(),
        members,
        attached,
        replies,
        hops,
        hops_now: Arc::default(),
        troubles: BTreeMap::new(),
        tight: BTreeMap::new(),
        reloaded: None,
        started: Instant::now(),
        ready_by: Some(Instant::now() + patience),
        setup,
    };
    daemon.give_advice();
    let result = match daemon.run(requests).await {
        Ok(exit) => end(exit, worker).await,
        Err(error) => Err(error),
    };
    servers.stop().await;
    result
}

fn start_packet_log(datapath: &mut Datapath) -> Result<()> {
    if let Some(packet_log) = datapath.take_packet_log()? {
        tokio::spawn(async move {
            if let Err(error) = packet_log.await {
                tracing::error!("the packet log has ended: {error}");
            }
        });
    }
    Ok(())
}

async fn end(exit: Exit, worker: Worker) -> Result<()> {
    match exit {
        Exit::Signal(name) => tracing::info!("{name}: ending; the data path goes on forwarding"),
        Exit::Detach(reply) => {
            let result = take_off(worker).await;
            // Whoever asked may have gone.
            let _ = reply.send(result.clone());
            result?;
        }
    }
    Ok(())
}

fn adopt(
    datapath: &Datapath,
    adopted: Adopted,
    config: &Config,
) -> Result<(Balancer, Vec<Change>)> {
    let sizes = datapath.sizes();
    let limits = Limits {
        services: sizes.services as usize,
        backends: sizes.backends as usize,
    };
    if !adopted.services.is_empty() {
        tracing::info!(
            services = adopted.services.len(),
            backends = adopted.backends.len(),
            "adopted what a former daemon left"
        );
    }
    let (seed, now_ns) = (datapath.seed(), clock::now_ns());
    let adopted = Balancer::adopt(limits, seed, adopted, wanted(config), now_ns)?;
    Ok(adopted)
}

/// What a config wants of the balancer.
pub(super) fn wanted(config: &Config) -> Wanted {
    Wanted {
        globals: config.globals.clone(),
        services: config.services.clone(),
    }
}

async fn take_off(worker: Worker) -> Result<(), control::Refusal> {
    let failed = |error: String| control::Refusal::Failed(error);
    let result = worker.end(Datapath::detach).await;
    result
        .map_err(|error| failed(error.to_string()))?
        .map_err(|error| failed(error.to_string()))?;
    tracing::info!("detached");
    Ok(())
}
