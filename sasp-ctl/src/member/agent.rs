//! An agent beside a server: registers it, follows its health, quiesces and deregisters it at the end.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::check::Check;
use super::driver::Driver;
use super::log::Log;
use super::watch::{Observed, Sources};
use super::{Settings, notify, words};
use crate::sasp::member::{Condition, Event, Wanted};

/// What an agent does beyond registering.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether the server is healthy; without a check it always is.
    pub check: Option<Check>,
    /// Register only once the check has succeeded; otherwise at its first result, quiesced if that is a failure.
    pub after_success: bool,
    /// Opaque state byte, while no file has another.
    pub state: u8,
    /// A file with the state byte, read at every check.
    pub state_file: Option<PathBuf>,
    /// How often that file is read where there is no check.
    pub interval: Duration,
    /// How long the server stays quiesced before it is deregistered.
    pub drain: Duration,
}

/// Why an agent did not end as it should.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The GWM refused, for good.
    #[error("{0}")]
    Refused(String),
    /// The GWM may still have the member.
    #[error(
        "{member} may still be registered at GWM {gwm}: {reason}; `sasp-ctl member deregister` removes it"
    )]
    StillRegistered {
        /// The member.
        member: String,
        /// The GWM.
        gwm: String,
        /// Why it was not deregistered.
        reason: String,
    },
}

/// A wish of the one who started the agent that it end; the channel says why. A second one ends the wait.
pub type Stops = mpsc::Receiver<&'static str>;

struct Running {
    driver: Driver,
    log: Log,
    member: String,
    gwm: String,
    observed: watch::Receiver<Observed>,
    watcher: JoinHandle<()>,
    after_success: bool,
    /// The check has succeeded once.
    registers: bool,
    stops: Stops,
    is_ready: bool,
    /// What was refused for good, in words.
    refusals: Vec<String>,
    /// What was in the way last: a connection that was lost, or a request that was refused for a while.
    hindrance: Option<String>,
    is_plain: bool,
}

/// Runs until `stops` says so and the member is deregistered, or until every request is refused for good.
///
/// # Errors
/// What the operator must correct, or where the member may still be registered.
pub async fn run(settings: Settings, options: Options, stops: Stops) -> Result<(), AgentError> {
    let drain = options.drain;
    let mut running = Running::start(settings, options, stops);
    let reason = running.serve().await?;
    notify::stopping();
    running.drain(reason, drain).await;
    running.leave().await
}

impl Running {
    fn start(settings: Settings, options: Options, stops: Stops) -> Self {
        let (key, gwm) = (settings.member.key, settings.target.to_string());
        let log = Log::new(key, gwm.clone());
        let is_plain = settings.target.tls.is_none();
        if is_plain {
            log.plain();
        }
        let sources = Sources {
            check: options.check,
            state_file: options.state_file,
            interval: options.interval,
            state: options.state,
        };
        let (observed_in, observed) = watch::channel(sources.at_first());
        Self {
            driver: Driver::new(settings, Wanted::NOTHING),
            log,
            member: key.to_string(),
            gwm,
            observed,
            watcher: tokio::spawn(sources.follow(observed_in)),
            after_success: options.after_success,
            registers: false,
            stops,
            is_ready: false,
            refusals: Vec::new(),
            hindrance: None,
            is_plain,
        }
    }

    /// Keeps the GWM informed until a stop is wished; why it is.
    async fn serve(&mut self) -> Result<&'static str, AgentError> {
        self.want();
        loop {
            self.report();
            if self.driver.agent().refused() == self.driver.agent().pairs() {
                return Err(AgentError::Refused(self.refusals.join("; ")));
            }
            tokio::select! {
                () = self.driver.turn() => {}
                // The watcher only ends with us.
                Ok(()) = self.observed.changed() => self.want(),
                stop = self.stops.recv() => return Ok(stop.unwrap_or("the end of its owner")),
            }
        }
    }

    /// Wants what the server's health asks for.
    fn want(&mut self) {
        let Observed { healthy, state } = *self.observed.borrow_and_update();
        let Some(healthy) = healthy else {
            return;
        };
        self.registers |= healthy || !self.after_success;
        if self.registers {
            let quiesced = !healthy;
            self.driver
                .set_wanted(Wanted::serving(Condition { quiesced, state }));
        }
    }

    /// Says what has happened to whom it concerns.
    fn report(&mut self) {
        let mut is_news = false;
        while let Some(event) = self.driver.poll_event() {
            self.log.event(&event);
            self.refusals.extend(words::refused(&event));
            match &event {
                Event::Lost { reason, .. } => {
                    self.hindrance = Some(words::lost(reason, self.is_plain));
                }
                Event::Waiting {
                    pair,
                    request,
                    code,
                    ..
                } => self.hindrance = Some(words::refusal(pair, *request, *code)),
                _ => {}
            }
            is_news = true;
        }
        let agent = self.driver.agent();
        let has_looked = self.observed.borrow().healthy.is_some();
        if !self.is_ready && has_looked && agent.is_at_rest() {
            self.is_ready = true;
            notify::ready();
        }
        if is_news {
            let (registered, pairs) = (agent.registered(), agent.pairs());
            notify::status(&format!("registered in {registered} of {pairs} groups"));
        }
    }

    /// Takes no new work for a while, unless nobody sends any, or a second stop is wished.
    async fn drain(&mut self, reason: &str, drain: Duration) {
        self.watcher.abort();
        if drain.is_zero() || self.driver.agent().perhaps_registered() == 0 {
            return info!("stopping on {reason}");
        }
        let quiesced = Condition {
            quiesced: true,
            state: self.observed.borrow().state,
        };
        self.driver.set_wanted(Wanted::where_registered(quiesced));
        info!("stopping on {reason}: quiesced for {drain:?}, then deregistered");
        // The time counts from when the GWM knows.
        let mut end = None;
        loop {
            self.report();
            if end.is_none() && self.driver.agent().is_at_rest() {
                end = Some(Instant::now() + drain);
            }
            tokio::select! {
                () = self.driver.turn() => {}
                () = sleep_until(end.unwrap_or_else(Instant::now)), if end.is_some() => return,
                Some(reason) = self.stops.recv() => {
                    return info!("waiting no longer on {reason}");
                }
            }
        }
    }

    /// Deregisters. Where that is not possible now, nothing is waited for: that takes 20 s or more.
    async fn leave(&mut self) -> Result<(), AgentError> {
        self.driver.set_wanted(Wanted::GONE);
        while !self.driver.agent().is_done() {
            if self.driver.agent().is_at_rest() {
                self.report();
                let reason = self.hindrance.take();
                let reason = reason.unwrap_or_else(|| "there is no connection".to_owned());
                return Err(self.still_registered(reason));
            }
            tokio::select! {
                () = self.driver.turn() => {}
                Some(stop) = self.stops.recv() => {
                    return Err(self.still_registered(format!("ended on {stop}")));
                }
            }
            self.report();
        }
        self.report();
        if self.refusals.is_empty() {
            return Ok(());
        }
        warn!("not everywhere was it registered or deregistered");
        Err(AgentError::Refused(self.refusals.join("; ")))
    }

    fn still_registered(&self, reason: String) -> AgentError {
        AgentError::StillRegistered {
            member: self.member.clone(),
            gwm: self.gwm.clone(),
            reason,
        }
    }
}
