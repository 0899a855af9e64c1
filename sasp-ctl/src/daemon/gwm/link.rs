//! The sessions with the GWMs: one each, all at the same time, so that a standby is warm.

use std::collections::BTreeSet;
use std::future;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::config::GwmSettings;
use crate::config::endpoint::GwmAddress;
use crate::sasp::client::{self, Desired, Event, Snapshot, State};
use crate::sasp::msg::Name;
use crate::session::{self, Session};

/// How long the GWMs may take to confirm that they have forgotten us, before we go anyway.
const FAREWELL: Duration = Duration::from_secs(3);
/// The longest pause between attempts to connect.
const BACKOFF_MAX: Duration = Duration::from_secs(300);

/// A session and whom it is with.
#[derive(Debug)]
struct Link {
    settings: GwmSettings,
    session: Session,
    events: mpsc::Receiver<Event>,
}

/// All of them, by priority.
#[derive(Debug, Default)]
pub(in crate::daemon) struct Links(Vec<Link>);

/// The session with this GWM has ended although nobody asked for that: its task has died.
#[derive(Debug, thiserror::Error)]
#[error("the task of the session with GWM {0} has died: restart the daemon (forwarding goes on)")]
pub(in crate::daemon) struct Died(GwmAddress);

impl Links {
    /// Wants sessions with these GWMs: goes on with those that can, starts others, and has the GWMs that are no longer
    /// wanted forget us. Returns those whose session is new.
    pub(in crate::daemon) fn set(
        &mut self,
        wanted: &[GwmSettings],
        uid: &Name,
        desired: impl Fn(&GwmSettings) -> Desired,
    ) -> BTreeSet<GwmAddress> {
        let mut former = std::mem::take(&mut self.0);
        let mut started = BTreeSet::new();
        for settings in wanted {
            let known = former
                .iter()
                .position(|link| link.settings.address == settings.address)
                .map(|at| former.swap_remove(at));
            let link = match known {
                Some(link) if same_session(&link.settings, settings) => {
                    link.session.set_desired(desired(settings));
                    Link {
                        settings: settings.clone(),
                        ..link
                    }
                }
                // One with other settings replaces the old session; dropping that tells the GWM nothing.
                _ => {
                    started.insert(settings.address.clone());
                    Link::start(settings, uid, desired(settings))
                }
            };
            self.0.push(link);
        }
        for link in former {
            tracing::info!(gwm = %link.settings.address, "no longer configured: deregistering there");
            tokio::spawn(link.deregister());
        }
        started
    }

    /// Wants the GWMs to know something else.
    pub(in crate::daemon) fn set_desired(&self, desired: impl Fn(&GwmSettings) -> Desired) {
        for link in &self.0 {
            link.session.set_desired(desired(&link.settings));
        }
    }

    /// What has happened next, and where; never, without a GWM.
    ///
    /// # Errors
    /// A session's task has died.
    pub(in crate::daemon) async fn next(&mut self) -> Result<(GwmAddress, Event), Died> {
        future::poll_fn(|context| {
            for link in &mut self.0 {
                if let Poll::Ready(event) = link.events.poll_recv(context) {
                    let gwm = link.settings.address.clone();
                    return Poll::Ready(match event {
                        Some(event) => Ok((gwm, event)),
                        None => Err(Died(gwm)),
                    });
                }
            }
            Poll::Pending
        })
        .await
    }

    /// What else has happened, in each session's order.
    pub(in crate::daemon) fn waiting(&mut self) -> Vec<(GwmAddress, Event)> {
        let mut waiting = Vec::new();
        for link in &mut self.0 {
            // No more than there were, so that a busy GWM cannot keep us here.
            for _ in 0..link.events.len() {
                let event = link.events.try_recv().ok();
                waiting.extend(event.map(|event| (link.settings.address.clone(), event)));
            }
        }
        waiting
    }

    /// Makes all GWMs forget us, at the same time, within [`FAREWELL`].
    pub(in crate::daemon) async fn deregister(&mut self) {
        let mut farewells = JoinSet::new();
        for link in std::mem::take(&mut self.0) {
            farewells.spawn(link.deregister());
        }
        farewells.join_all().await;
    }

    /// Settings and state of each session.
    pub(in crate::daemon) fn snapshots(&self) -> impl Iterator<Item = (&GwmSettings, Snapshot)> {
        let links = self.0.iter();
        links.map(|link| (&link.settings, link.session.snapshot().borrow().clone()))
    }

    /// The GWMs that hear at once what they are told, and the others, which hear it when they are connected again.
    pub(in crate::daemon) fn in_reach(&self) -> (Vec<String>, Vec<String>) {
        let (now, later): (Vec<_>, Vec<_>) = self.snapshots().partition(|(_, snapshot)| {
            matches!(
                snapshot.state,
                State::Sync | State::Converging | State::Active
            )
        });
        let names = |gwms: Vec<(&GwmSettings, Snapshot)>| {
            let names = gwms.into_iter().map(|(gwm, _)| gwm.address.to_string());
            names.collect()
        };
        (names(now), names(later))
    }
}

impl Link {
    /// Starts a session. It comes and goes by itself from now on.
    fn start(settings: &GwmSettings, uid: &Name, desired: Desired) -> Self {
        let config = session::Config {
            target: session::Target {
                host: settings.address.host.clone(),
                port: settings.address.port,
                source: settings.source,
                tls: settings.tls.clone(),
            },
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
            settings: settings.clone(),
            session,
            events,
        }
    }

    /// Makes the GWM forget us (reason 0x01, RFC 4678 section 7.2.1), within [`FAREWELL`].
    async fn deregister(self) {
        match tokio::time::timeout(FAREWELL, self.session.deregister_all()).await {
            // Whether it went well is in the session's own log.
            Ok(Ok(()) | Err(_)) => {}
            Err(_) => {
                let gwm = &self.settings.address;
                tracing::warn!(%gwm, "not deregistered: the GWM did not confirm within {FAREWELL:?}");
            }
        }
    }
}

/// Whether a session can go on with new settings: what it tells the GWM may change at any time.
fn same_session(old: &GwmSettings, new: &GwmSettings) -> bool {
    let old = GwmSettings {
        priority: new.priority,
        push: new.push,
        trust: new.trust,
        hold: new.hold,
        ..old.clone()
    };
    old == *new
}

/// How long until `at`.
pub(in crate::daemon) fn seconds_until(at: Instant) -> f64 {
    at.saturating_duration_since(Instant::now()).as_secs_f64()
}

#[cfg(test)]
mod tests;
