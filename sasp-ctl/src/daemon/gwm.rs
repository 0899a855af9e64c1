//! The session with the GWM: what it is told, and what follows from what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
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
            // Whether it went well is in the session's own log.
            Ok(Ok(()) | Err(_)) => {}
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

/// What some events have in common for the balancer.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    groups: BTreeSet<Name>,
    lost: bool,
}

impl Heard {
    /// Also this.
    pub(super) fn add(&mut self, other: Self) {
        self.groups.extend(other.groups);
        self.lost |= other.lost;
    }

    /// True if the balancer need not be asked.
    pub(super) fn is_nothing(&self) -> bool {
        self.groups.is_empty() && !self.lost
    }
}

/// The groups, as far as a line of a log is the place for them.
impl fmt::Display for Heard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 4;
        let shown: Vec<_> = self
            .groups
            .iter()
            .take(SHOWN)
            .map(Name::to_string)
            .collect();
        f.write_str(&shown.join(","))?;
        match self.groups.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl Daemon {
    /// Takes in one event. The session logs its events itself.
    pub(super) fn hear(&mut self, event: Event, now: Instant, heard: &mut Heard) {
        match event {
            Event::Weights { weights, unknown } => {
                for member in unknown.keys() {
                    tracing::debug!(group = %weights.name, %member, "known to the GWM only: not used");
                }
                heard.groups.insert(weights.name.clone());
                self.words.said(weights);
            }
            Event::Lost { .. } => {
                heard.lost = true;
                self.words.lost(now);
                self.notify_status();
            }
            Event::Connected | Event::Synced { .. } => self.notify_status(),
            Event::Refused { .. }
            | Event::Ignored(_)
            | Event::DuplicateUid
            | Event::DeregisteredAll(_) => {}
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Flags};

    #[test]
    fn a_group_has_the_members_of_all_its_services_and_the_operators_word_on_them() {
        let text = r#"
            balancer.uid = "u"
            [[gwm]]
            address = "g"
            push = false
            [[service]]
            group = "F"
            vip = "203.0.113.10:80/tcp"
            members = [ { address = "10.0.0.1:80" }, { address = "10.0.0.2:80" } ]
            [[service]]
            group = "F"
            vip = "203.0.113.10:443/tcp"
            members = [ { address = "10.0.0.1:443" } ]
        "#;
        let path = Path::new("edge.toml");
        let config = config::from_text(path, text.to_owned(), &Flags::default()).unwrap();
        let group = config.services[0].group.clone();
        let quiesced = BTreeSet::from([(group.clone(), config.services[0].members[1].key)]);
        let desired = desired(&config, &quiesced);
        assert!(!desired.lb_state.push);
        let members: Vec<_> = desired.groups[&group]
            .iter()
            .map(|(key, member)| (key.to_string(), member.quiesced))
            .collect();
        assert_eq!(
            members,
            [
                ("10.0.0.1:80".to_owned(), false),
                ("10.0.0.2:80".to_owned(), true),
                ("10.0.0.1:443".to_owned(), false),
            ]
        );
        assert_eq!(desired.groups.len(), 1);
    }

    #[test]
    fn a_log_line_names_some_groups_and_counts_the_others() {
        let name = |number: u8| Name::new(format!("F{number}").into_bytes()).unwrap();
        let heard = |count| Heard {
            groups: (0..count).map(name).collect(),
            lost: false,
        };
        assert_eq!(heard(2).to_string(), "F0,F1");
        assert_eq!(heard(7).to_string(), "F0,F1,F2,F3 and 3 more");
        assert!(heard(0).is_nothing());
    }
}
