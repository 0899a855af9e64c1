//! The session with the GWM: what it is told, and what follows from what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::event_loop::Daemon;
use super::status::GwmStatus;
use crate::config::endpoint::GwmAddress;
use crate::config::{Config, GwmSettings};
use crate::sasp::client::{self, Desired, DesiredMember, Event, LbState};
use crate::sasp::msg::{MemberKey, Name};
use crate::session::{self, Session};

/// How long the GWM may take to confirm that it has forgotten us, before we go anyway.
const FAREWELL: Duration = Duration::from_secs(3);
/// The longest pause between attempts to connect.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// A session and whom it is with.
#[derive(Debug)]
pub(super) struct Link {
    address: GwmAddress,
    session: Session,
    events: mpsc::Receiver<Event>,
}

impl Link {
    /// Starts a session. It comes and goes by itself from now on.
    pub(super) fn start(settings: &GwmSettings, uid: &Name, desired: Desired) -> Self {
        let config = session::Config {
            host: settings.address.host.clone(),
            port: settings.address.port,
            source: settings.source,
            client: client::Config {
                poll_interval: settings.interval,
                request_timeout: settings.timeout,
                backoff_min: settings.retry_min,
                backoff_max: BACKOFF_MAX.max(settings.retry_min),
                ..client::Config::new(uid.clone())
            },
        };
        let (session, events) = Session::spawn(config, desired);
        Self {
            address: settings.address.clone(),
            session,
            events,
        }
    }

    /// What has happened, in order; `None` if the session's task has died.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// What has happened, if anything has.
    pub(super) fn try_next(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }

    /// Wants the GWM to know something else.
    pub(super) fn set_desired(&self, desired: Desired) {
        self.session.set_desired(desired);
    }

    /// Makes the GWM forget us, within [`FAREWELL`].
    pub(super) async fn deregister(self) {
        match tokio::time::timeout(FAREWELL, self.session.deregister_all()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!("not deregistered: {error}"),
            Err(_) => {
                tracing::warn!("not deregistered: the GWM did not confirm within {FAREWELL:?}")
            }
        }
    }

    /// As it stands.
    pub(super) fn status(&self) -> GwmStatus {
        let session = self.session.snapshot().borrow().clone();
        let until = |at: Instant| at.saturating_duration_since(Instant::now()).as_secs_f64();
        GwmStatus {
            address: self.address.to_string(),
            since_seconds: session.since.elapsed().as_secs_f64(),
            retry_in_seconds: session.retry_at.map(until),
            session,
        }
    }
}

impl Daemon {
    /// Takes in one event; true if weights may have changed. The session logs its events itself.
    pub(super) fn hear(&mut self, event: Event, now: Instant) -> bool {
        match event {
            Event::Weights { weights, unknown } => {
                for member in unknown.keys() {
                    tracing::debug!(group = %weights.name, %member, "known to the GWM only: not used");
                }
                self.words.said(weights);
                true
            }
            Event::Lost { .. } => {
                self.words.lost(now);
                self.notify_status();
                true
            }
            Event::Connected | Event::Synced { .. } => {
                self.notify_status();
                false
            }
            Event::Refused { .. }
            | Event::Ignored(_)
            | Event::DuplicateUid
            | Event::DeregisteredAll(_) => false,
        }
    }
}

/// What the GWM shall know: every group with the members of all its services.
pub(super) fn desired(config: &Config, quiesced: &BTreeSet<(Name, MemberKey)>) -> Desired {
    let mut groups: BTreeMap<Name, BTreeMap<MemberKey, DesiredMember>> = BTreeMap::new();
    for service in &config.services {
        let group = groups.entry(service.group.clone()).or_default();
        for member in &service.members {
            let key = (service.group.clone(), member.key);
            let member = DesiredMember {
                label: Name::default(),
                quiesced: quiesced.contains(&key),
            };
            group.insert(key.1, member);
        }
    }
    let lb_state = config
        .gwm
        .as_ref()
        .map_or_else(LbState::default, |gwm| LbState {
            push: gwm.push,
            trust: gwm.trust,
            ..LbState::default()
        });
    Desired { lb_state, groups }
}
