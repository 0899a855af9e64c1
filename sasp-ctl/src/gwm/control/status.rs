//! Everything that a GWM's process knows, as JSON. Field names are a contract: scripts read `gwm status --json`.
//!
//! Top level: `instance`, `version`, `pid`, `uptime_seconds`, `listen`, `config_file`, `interval_seconds`,
//! `grace_seconds`, `admission`, `reload` (null before the first), `pushed_bytes`, `overrides`, `sources`, and what
//! [`Report`] has: `totals`, `balancers` (with `groups`, with `members`), `connections`, `left_out`, `counters`.

use std::path::PathBuf;
use std::time::{Instant, SystemTime};

use serde::Serialize;

use super::Context;
use super::sources::SourceStatus;
use crate::gwm::overrides::OverrideStatus;
use crate::sasp::gwm::{Admission, Report, Scope};

/// See the module.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    pub(super) instance: String,
    pub(super) version: &'static str,
    pub(super) pid: u32,
    pub(super) uptime_seconds: f64,
    /// Where balancers and members connect.
    pub(super) listen: String,
    /// `null` if there is none.
    pub(super) config_file: Option<PathBuf>,
    /// Between two pushes, and between two questions of balancers that ask.
    pub(super) interval_seconds: f64,
    /// How long a balancer's groups outlive its connection.
    pub(super) grace_seconds: f64,
    /// `open`, or `listed`: only the balancers of the configuration are served.
    pub(super) admission: &'static str,
    /// The last one.
    pub(super) reload: Option<ReloadStatus>,
    /// Bytes of Send Weights messages.
    pub(super) pushed_bytes: u64,
    /// What the operator says of members, whatever the rules say.
    pub(super) overrides: Vec<OverrideStatus>,
    /// What the rules' sources say; rules that stand in the file as weights are not among them.
    pub(super) sources: Vec<SourceStatus>,
    #[serde(flatten)]
    pub(super) report: Report,
}

/// A reload of the configuration.
#[derive(Debug, Serialize)]
pub(super) struct ReloadStatus {
    /// Since it.
    pub(super) seconds_ago: f64,
    /// Why it changed nothing; `null` if it did.
    pub(super) error: Option<String>,
    /// Put into force since the start.
    pub(super) done: u64,
    /// Refused since the start.
    pub(super) refused: u64,
}

impl Context {
    /// How things are now.
    pub(super) fn status(&self, scope: &Scope) -> Status {
        let record = self.hub.record();
        let reloads = record.reloads();
        let (report, interval, grace, admission) = self.hub.look(|gwm| {
            let policy = gwm.policy();
            let admission = match policy.admission {
                Admission::Open => "open",
                Admission::Listed(_) => "listed",
            };
            let report = gwm.report(scope, Instant::now());
            (report, policy.interval, policy.grace, admission)
        });
        let sources = self.sources();
        Status {
            instance: self.about.instance.clone(),
            version: env!("CARGO_PKG_VERSION"),
            pid: std::process::id(),
            uptime_seconds: record.uptime().as_secs_f64(),
            listen: self.about.listen.to_string(),
            config_file: self.about.config.clone(),
            interval_seconds: interval.as_secs_f64(),
            grace_seconds: grace.as_secs_f64(),
            admission,
            reload: reloads.last.map(|(at, error)| ReloadStatus {
                seconds_ago: at.elapsed().as_secs_f64(),
                error,
                done: reloads.done,
                refused: reloads.refused,
            }),
            pushed_bytes: record.pushed_bytes(),
            overrides: self.overrides().status(scope, SystemTime::now()),
            sources: sources
                .into_iter()
                .filter(|source| source.is_in(scope))
                .take(scope.rows)
                .collect(),
            report,
        }
    }

    /// What the rules' sources say, except rules that stand in the file as weights.
    pub(in crate::gwm) fn sources(&self) -> Vec<SourceStatus> {
        let rules = self.sources.engine().status();
        let asked = rules.iter().filter(|rule| rule.source != "static");
        asked.map(SourceStatus::new).collect()
    }
}
