//! The state machine as all tasks share it, and the signals with which it reaches their connections.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tracing::debug;

use super::budget::Budget;
use super::config::Config;
use super::log::Log;
use super::record::Record;
use super::sources::engine::Registrations;
use super::throttle;
use crate::sasp::gwm::{ConnectionId, Event, Gwm};
use crate::sasp::msg::Name;
use crate::tls::HandshakeError;

/// How often the counters are logged, at debug level.
const COUNTERS_EVERY: Duration = Duration::from_secs(60);

/// What the state machine has to say to a connection's task.
#[derive(Default, Debug)]
pub(super) struct Signals {
    /// There may be something to send.
    pub(super) ready: Notify,
    /// The connection must be closed.
    pub(super) closed: Notify,
}

struct State {
    gwm: Gwm,
    signals: HashMap<ConnectionId, Arc<Signals>>,
}

/// The shared state machine.
pub(super) struct Hub {
    state: Mutex<State>,
    /// Something happened that may have changed the next deadline.
    deadline_changed: Notify,
    registrations_changed: Notify,
    next_id: AtomicU64,
    message_bytes: AtomicUsize,
    budget: Budget,
    record: Record,
    log: Log,
}

impl Hub {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            state: Mutex::new(State {
                gwm: Gwm::new(config.policy.clone()),
                signals: HashMap::new(),
            }),
            deadline_changed: Notify::new(),
            registrations_changed: Notify::new(),
            next_id: AtomicU64::new(0),
            message_bytes: AtomicUsize::new(config.message_bytes),
            budget: Budget::default(),
            record: Record::default(),
            log: Log::default(),
        }
    }

    /// A peer has connected.
    pub(super) fn connect(&self, peer: SocketAddr) -> (ConnectionId, Arc<Signals>) {
        let id = ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let signals = Arc::new(Signals::default());
        self.lock().signals.insert(id, Arc::clone(&signals));
        self.with(|gwm, now| gwm.handle_connect(id, peer, now));
        (id, signals)
    }

    /// A connection's task has ended; why, unless the state machine has said that.
    pub(super) fn disconnect(&self, id: ConnectionId, why: Option<&str>) {
        self.lock().signals.remove(&id);
        self.act(|gwm, now| gwm.handle_disconnect(id, now), why);
    }

    /// Calls the state machine, then does what it asks for.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Gwm, Instant) -> R) -> R {
        self.act(act, None)
    }

    fn act<R>(&self, act: impl FnOnce(&mut Gwm, Instant) -> R, why: Option<&str>) -> R {
        let mut state = self.lock();
        let result = act(&mut state.gwm, Instant::now());
        while let Some((id, _)) = state.gwm.poll_close() {
            if let Some(signals) = state.signals.get(&id) {
                signals.closed.notify_one();
            }
        }
        while let Some(id) = state.gwm.poll_ready() {
            if let Some(signals) = state.signals.get(&id) {
                signals.ready.notify_one();
            }
        }
        let events: Vec<_> = std::iter::from_fn(|| state.gwm.poll_event()).collect();
        // Whoever reads the log may be slow; nobody else has to wait for that.
        drop(state);
        self.deadline_changed.notify_one();
        if events.iter().any(changes_registrations) {
            self.registrations_changed.notify_one();
        }
        for event in events {
            self.log.event(event, why);
        }
        result
    }

    /// A peer did not get through the handshake.
    pub(super) fn log_handshake(&self, peer: SocketAddr, error: &HandshakeError) {
        self.log.handshake(peer, error);
    }

    /// Takes a new configuration.
    pub(super) fn reconfigure(&self, config: &Config) -> crate::sasp::gwm::Reassessed {
        self.message_bytes
            .store(config.message_bytes, Ordering::Relaxed);
        self.with(|gwm, now| gwm.set_policy(config.policy.clone(), now))
    }

    /// Tells when members may have been registered or deregistered.
    pub(super) fn registrations_changed(&self) -> &Notify {
        &self.registrations_changed
    }

    /// Who is registered in these groups.
    pub(super) fn registered_in(&self, groups: &BTreeSet<Name>) -> Registrations {
        let mut found = Registrations::new();
        if groups.is_empty() {
            return found;
        }
        for (uid, group, member) in self.lock().gwm.registered() {
            if groups.contains(group) {
                let balancers = found.entry(group.clone()).or_default();
                balancers.entry(uid.clone()).or_default().insert(*member);
            }
        }
        found
    }

    /// The longest message that a new connection may send, in bytes.
    pub(super) fn message_bytes(&self) -> usize {
        self.message_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    pub(super) fn record(&self) -> &Record {
        &self.record
    }

    /// Looks at the state machine without changing it. Nobody is served meanwhile.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Gwm) -> R) -> R {
        look(&self.lock().gwm)
    }

    /// Calls the state machine whenever it wants to be called because time has passed.
    pub(super) async fn keep_time(&self) {
        loop {
            let at = self.lock().gwm.poll_timeout();
            let due = async {
                match at {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.with(|gwm, now| gwm.handle_timeout(now)),
                () = self.deadline_changed.notified() => {}
            }
        }
    }

    /// Logs the counters from time to time.
    pub(super) async fn report_counters(&self) {
        let mut ticks = tokio::time::interval(COUNTERS_EVERY);
        loop {
            ticks.tick().await;
            let counters = self.lock().gwm.counters().clone();
            debug!(?counters, "counted");
        }
    }

    /// Says from time to time how many log lines were kept back.
    pub(super) async fn report_kept_back(&self) {
        // The first window is a whole one too.
        let first = tokio::time::Instant::now() + throttle::WINDOW;
        let mut ticks = tokio::time::interval_at(first, throttle::WINDOW);
        loop {
            ticks.tick().await;
            self.end_log_window();
        }
    }

    /// Says how many log lines were kept back since this was last said.
    pub(super) fn end_log_window(&self) {
        self.log.end_window();
    }

    /// A panic in one connection's task must not take the others along: the machine's promises hold between any two
    /// of its changes, so a poisoned lock is used on.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn changes_registrations(event: &Event) -> bool {
    matches!(
        event,
        Event::Registered { .. }
            | Event::Deregistered { .. }
            | Event::GraceExpired { .. }
            | Event::BalancerDiscarded { .. }
    )
}
