//! The loop: one event at a time, each carried through to the maps before the next is looked at.
//!
//! Nothing here waits for anything but the data path's thread, so that a message of the GWM is in the maps within
//! milliseconds whatever clients, netlink or the GWM itself do.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
};

use anyhow::{Context as _, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};

use super::control::{Refusal, Request, View};
use super::gwm::{Heard, Links};
use super::health::Health;
use super::publish::Publisher;
use super::stats::Stats;
use super::status::{Draft, Process, ReloadStatus};
use super::translations::{self, TranslationsStatus};
use super::weights_log::WeightsLog;
use super::words::Words;
use super::worker::Worker;
use super::{Setup, clock, hops, notify};
use crate::balance::change::Vip;
use crate::balance::inputs::Inputs;
use crate::balance::model::Balancer;
use crate::balance::model::tight::Tight;
use crate::balance::model::troubles::Trouble;
use crate::config::endpoint::GwmAddress;
use crate::datapath::Attached;
use crate::datapath::nexthop::{NextHops, Replies, Unresolved};
use crate::sasp::client::Event;
use crate::sasp::msg::MemberKey;

/// How often remembered flows are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// At most this part of the time is spent looking: a sweep that took long is followed by a longer pause.
const SWEEP_SHARE: u32 = 50;

/// Everything that the loop owns.
pub(super) struct Daemon {
    pub(super) setup: Setup,
    pub(super) interfaces: Vec<Attached>,
    pub(super) balancer: Balancer,
    pub(super) words: Words,
    pub(super) links: Links,
    pub(super) health: Health,
    pub(super) worker: Worker,
    pub(super) publisher: Publisher,
    pub(super) stats: Stats,
    pub(super) weights_log: WeightsLog,
    pub(super) translation_sweep: translations::Sweep,
    /// Whose next hops are watched.
    pub(super) members: watch::Sender<BTreeSet<IpAddr>>,
    /// Indices of the interfaces that members may be reached by.
    pub(super) attached: watch::Sender<BTreeSet<u32>>,
    /// Whose replies are translated.
    pub(super) replies: watch::Sender<Replies>,
    pub(super) hops: watch::Receiver<Arc<NextHops>>,
    pub(super) hops_now: Arc<NextHops>,
    /// What was told of ways to members.
    pub(super) troubles: BTreeMap<(Vip, MemberKey), Trouble>,
    /// The same, of all members behind an interface.
    pub(super) tight: BTreeMap<Tight, usize>,
    /// The last reload and how it went.
    pub(super) reloaded: Option<(Instant, Option<String>)>,
    pub(super) started: Instant,
    /// Until when being ready is put off for the sake of next hops; `None`: we are ready.
    pub(super) ready_by: Option<Instant>,
}

/// Why the loop has ended.
pub(super) enum Exit {
    /// A signal; the data path stays.
    Signal(&'static str),
    /// The data path is to be taken off; then tell whoever asked.
    Detach(oneshot::Sender<Result<(), Refusal>>),
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Daemon {
    /// Runs until a signal or a detach.
    ///
    /// # Errors
    /// The data path cannot be changed any more, or its thread has died.
    pub(super) async fn run(&mut self, mut requests: mpsc::Receiver<Request>) -> Result<Exit> {
        let mut signals = Signals::new().context("cannot catch signals")?;
        self.begin_shortage().await?;
        let mut sweep_at = Instant::now() + SWEEP_EVERY;
        let mut translations_at = Instant::now() + translations::PAUSE;
        loop {
            let deadlines = [
                self.words.deadline(),
                self.publisher.deadline(),
                self.balancer.deadline().map(clock::instant_of),
                self.ready_by,
            ];
            let sweeps = sweep_at.min(translations_at);
            let due = deadlines.into_iter().flatten().fold(sweeps, Instant::min);
            let due = pin!(tokio::time::sleep_until(due.into()));
            tokio::select! {
                event = self.links.next() => {
                    let (gwm, event) = event?;
                    self.on_gwm(gwm, event, Instant::now()).await?;
                }
                changed = self.hops.changed() => {
                    changed.context("the watch on routes and neighbours has ended: restart the daemon (forwarding goes on)")?;
                    self.on_hops().await?;
                }
                // The servers hold senders for as long as they run, which is longer than the loop.
                Some(request) = requests.recv() => {
                    if let Some(exit) = self.on_request(request).await? {
                        return Ok(exit);
                    }
                }
                Some(()) = signals.terminate.recv() => return Ok(Exit::Signal("SIGTERM")),
                Some(()) = signals.interrupt.recv() => return Ok(Exit::Signal("SIGINT")),
                Some(()) = signals.hangup.recv() => {
                    // A refusal is logged and shown by `status`; nobody else is there to hear it.
                    let _ = self.reload().await?;
                }
                () = due => {
                    let now = Instant::now();
                    self.on_deadlines(now).await?;
                    if sweep_at <= now {
                        self.look_after_interfaces().await?;
                        self.look_after_health(now);
                        self.sweep().await?;
                        let pause = SWEEP_EVERY.max(now.elapsed() * SWEEP_SHARE);
                        self.tell_shortage().await?;
                        sweep_at = Instant::now() + pause;
                    }
                    if translations_at <= now {
                        self.sweep_translations().await?;
                        translations_at = Instant::now() + self.stats.translations.pause();
                    }
                }
            }
        }
    }

    /// Says that packets are being balanced.
    fn announce(&mut self) {
        self.ready_by = None;
        for attached in &self.interfaces {
            tracing::info!(
                instance = %self.setup.instance,
                interface = %attached.name,
                mode = %attached.mode,
                "attached"
            );
        }
        self.tell_troubles();
        self.notify_status();
        notify::ready();
    }

    /// Takes in what the GWMs say: all that has come, then one update.
    async fn on_gwm(&mut self, gwm: GwmAddress, event: Event, arrived: Instant) -> Result<()> {
        let mut heard = Heard::default();
        self.hear(&gwm, event, arrived, &mut heard);
        for (gwm, event) in self.links.waiting() {
            self.hear(&gwm, event, arrived, &mut heard);
        }
        if heard.is_nothing() {
            return Ok(());
        }
        let tables = self.stats.tables.published;
        self.refresh().await?;
        if self.stats.tables.published > tables {
            let took = arrived.elapsed();
            self.stats.weights_to_table.observe(took.as_secs_f64());
            self.weights_log.note(heard, took, Instant::now());
        }
        Ok(())
    }

    async fn on_hops(&mut self) -> Result<()> {
        let new = Arc::clone(&self.hops.borrow_and_update());
        hops::log_changes(&self.hops_now, &new);
        self.hops_now = new;
        self.refresh().await?;
        self.tell_troubles();
        let known = |address| {
            let hop = self.hops_now.get(address);
            hop.is_some_and(|hop| *hop != Err(Unresolved::Resolving))
        };
        if self.ready_by.is_some() && self.members.borrow().iter().all(known) {
            self.announce();
        }
        Ok(())
    }

    async fn on_deadlines(&mut self, now: Instant) -> Result<()> {
        self.weights_log.tell(now);
        let expired = self.words.expire(now);
        for group in expired.iter().flatten() {
            tracing::warn!(%group, "hold time is over: static weights count");
        }
        if self.decide(now) || expired.is_some() {
            self.refresh().await?;
        }
        if self.ready_by.is_some_and(|at| at <= now) {
            self.announce();
        }
        let changes = self.balancer.tick(clock::now_ns());
        if !changes.is_empty() {
            self.publisher.publish(changes, &mut self.stats).await?;
        }
        if self.publisher.deadline().is_some_and(|at| at <= now) {
            self.publisher.publish(Vec::new(), &mut self.stats).await?;
        }
        Ok(())
    }

    /// Tells the balancer how things stand and carries out what follows.
    pub(super) async fn refresh(&mut self) -> Result<()> {
        let inputs = Inputs {
            groups: self.words.inputs(),
            next_hops: hops::to_inputs(&self.hops_now),
        };
        let started = Instant::now();
        let changes = self.balancer.update(inputs, clock::now_ns());
        self.stats.build.observe(started.elapsed().as_secs_f64());
        self.watch_members();
        self.publisher.publish(changes, &mut self.stats).await
    }

    /// Watches the next hops of the members that there are now: some register themselves and leave.
    pub(super) fn watch_members(&self) {
        let wanted = self.balancer.member_addresses();
        self.members.send_if_modified(|members| {
            let modified = *members != wanted;
            *members = wanted;
            modified
        });
    }

    /// Looks at the remembered flows. Nothing else happens meanwhile, so that what is seen belongs to the tables
    /// that the balancer knows.
    async fn sweep(&mut self) -> Result<()> {
        let now_ns = clock::now_ns();
        let flows = match self.worker.call(|datapath| datapath.flows()).await? {
            Ok(flows) => flows,
            Err(error) => {
                tracing::warn!("{error}; trying again later");
                return Ok(());
            }
        };
        let sweep = self.balancer.sweep(flows.iter().copied(), now_ns);
        let found = flows.iter().map(|(flow, _)| flow);
        let forgotten = sweep.forget.iter().map(|(flow, _)| flow);
        if self.stats.flows.swept(found, forgotten) {
            let room = &self.stats.flows;
            tracing::warn!(
                ipv4 = room.v4,
                ipv6 = room.v6,
                limit = room.limit,
                "nearly as many flows are remembered as can be, then flows may change their member: raise `limits.flows` under [balancer]"
            );
        }
        if !sweep.forget.is_empty() {
            let forget = sweep.forget;
            let forgotten = self
                .worker
                .call(move |datapath| datapath.delete_flows(&forget))
                .await?;
            match forgotten {
                Ok(count) => tracing::debug!(count, "forgot flows"),
                Err(error) => tracing::warn!("{error}; trying again later"),
            }
        }
        self.publisher.publish(sweep.changes, &mut self.stats).await
    }

    async fn on_request(&mut self, request: Request) -> Result<Option<Exit>> {
        if request.is_abandoned() {
            // Whoever asked was told that it has failed.
            tracing::debug!("a request was not carried out: its client has gone");
            return Ok(None);
        }
        // Whoever asked may go meanwhile; a reply that cannot be sent is dropped.
        match request {
            Request::Status(reply) => {
                let _ = reply.send(self.view());
            }
            Request::Reload(reply) => {
                let reloaded = self.reload().await?;
                self.answer(reply, reloaded);
            }
            Request::Operator(member, quiesced, reply) => {
                let _ = reply.send(self.operator(&member, quiesced).await?);
            }
            Request::Progress(member, quiesced, reply) => {
                let _ = reply.send(self.progress(&member, quiesced));
            }
            Request::Detach(reply) => {
                self.links.deregister().await;
                return Ok(Some(Exit::Detach(reply)));
            }
        }
        Ok(None)
    }

    fn view(&self) -> View {
        let config = &self.setup.config;
        let process = Process {
            instance: self.setup.instance.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            uptime_seconds: self.started.elapsed().as_secs_f64(),
            lb_uid: config.balancer.uid.to_string(),
            config_file: self.setup.file.clone(),
        };
        let reload = self.reloaded.as_ref().map(|(at, error)| ReloadStatus {
            seconds_ago: at.elapsed().as_secs_f64(),
            error: error.clone(),
        });
        View {
            draft: Draft {
                process,
                interfaces: self.interfaces.clone(),
                gwms: self.gwms(),
                combine: config.balancer.combine,
                sources: self.sources(),
                health: self.health_now(),
                report: self.balancer.report(),
                hops: Arc::clone(&self.hops_now),
                translations: TranslationsStatus::new(
                    &self.stats.translations,
                    config.globals.pool.as_ref(),
                ),
                tables: self.stats.tables,
                reload,
            },
            stats: self.stats.clone(),
            worker: self.worker.clone(),
        }
    }
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }
}
