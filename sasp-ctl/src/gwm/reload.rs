//! The configuration file and the files of TLS, read again on SIGHUP and when they change. Bad ones change nothing.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::watch;
use tracing::{error, info, warn};

use super::config::{self, Config};
use super::sources::Sources;
use crate::config::ConfigError;
use crate::sasp::gwm::Reassessed;
use crate::tls::ServerTls;
use crate::watch::FileWatch;

/// A file and what it said when it was last good.
pub(super) struct ConfigFile {
    path: PathBuf,
    config: Config,
    /// What was read last, good or bad, so that a change of something else in its directory is no news.
    seen: Result<String, String>,
    /// Why that is not in force, if it is not: what it names may have become better since.
    refused: Option<String>,
    /// What new connections speak.
    tls: watch::Sender<Option<Arc<ServerTls>>>,
}

impl ConfigFile {
    pub(super) fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = config::read(path).map_err(|reason| ConfigError::in_file(path, reason))?;
        let config = config::from_text(path, text.clone())?;
        Ok(Self {
            path: path.to_owned(),
            tls: watch::Sender::new(config.tls.clone()),
            config,
            seen: Ok(text),
            refused: None,
        })
    }

    /// What new connections speak, now and after each reload.
    pub(super) fn tls(&self) -> watch::Receiver<Option<Arc<ServerTls>>> {
        self.tls.subscribe()
    }

    /// Everything that is worth watching.
    fn paths(&self) -> Vec<PathBuf> {
        let tls = self.config.tls.as_ref().map(|tls| tls.paths());
        let mut paths = vec![self.path.clone()];
        paths.extend(tls.into_iter().flatten());
        paths
    }

    /// Reads everything again and puts it into force, as far as it is news or `always`.
    fn look_again(&mut self, sources: &Sources, always: bool) {
        self.reload(sources, always);
        if let Some(tls) = &self.config.tls {
            tls.refresh();
        }
    }

    /// The configuration in force.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Reads the configuration file again and puts it into force. `always` also reports what has not changed.
    fn reload(&mut self, sources: &Sources, always: bool) {
        let read = config::read(&self.path);
        if read == self.seen && self.refused.is_none() && !always {
            return;
        }
        self.seen = read.clone();
        let parsed = match read {
            // Hardly meant, but what a writer leaves for a moment or when the disk is full; it would take the weights
            // of every member away.
            Ok(text) if text.trim().is_empty() => Err(ConfigError::in_file(
                &self.path,
                "is empty: write the rules again, or a comment if there are to be none",
            )),
            Ok(text) => config::from_text(&self.path, text),
            Err(reason) => Err(ConfigError::in_file(&self.path, reason)),
        };
        let parsed = parsed.and_then(|config| self.fits(config));
        match parsed {
            Ok(config) => {
                self.refused = None;
                self.put_into_force(config, sources);
                sources.hub().record().reload(None);
            }
            Err(refusal) => {
                let refusal = refusal.to_string();
                if always || self.refused.as_ref() != Some(&refusal) {
                    error!("not reloaded, nothing changed: {refusal}");
                }
                sources.hub().record().reload(Some(refusal.clone()));
                self.refused = Some(refusal);
            }
        }
    }

    /// Whether it can take the place of the one in force while connections stand.
    fn fits(&self, config: Config) -> Result<Config, ConfigError> {
        if config.tls.is_some() == self.config.tls.is_some() {
            return Ok(config);
        }
        let reason =
            "`tls` was added or removed, which needs a restart: restart, or change it back";
        Err(ConfigError::in_file(&self.path, reason))
    }

    fn put_into_force(&mut self, mut config: Config, sources: &Sources) {
        for warning in &config.warnings {
            warn!("{warning}");
        }
        let effect = sources.reconfigure(&config);
        info!(
            "reloaded: {}",
            Difference {
                old: &self.config,
                new: &config,
                effect
            }
        );
        if config.listen != self.config.listen {
            warn!(
                "`listen` has changed: restart to listen on {}",
                config.listen
            );
        }
        if config.status != self.config.status {
            warn!("`status` has changed: restart to show it there");
        }
        if config.state != self.config.state {
            warn!("`state` has changed: restart to keep overrides there");
        }
        if config.tls == self.config.tls {
            // The same files: what is in force already knows when to look at them again.
            config.tls = self.config.tls.take();
        } else {
            self.tls.send_replace(config.tls.clone());
        }
        self.config = config;
    }
}

/// Reloads whenever there is a reason to, for ever.
pub(super) async fn follow(file: &mut ConfigFile, sources: &Sources, mut hangup: Signal) {
    let watch = FileWatch::new(&file.path).and_then(|mut watch| {
        watch.watch(file.paths())?;
        Ok(watch)
    });
    let mut watch = match watch {
        Ok(watch) => Some(watch),
        Err(error) => {
            warn!("changes of the configuration are not noticed, send SIGHUP instead: {error}");
            None
        }
    };
    // What happened between reading the files and watching them.
    file.look_again(sources, false);
    loop {
        let changed = async {
            match &watch {
                Some(watch) => watch.changed().await,
                None => std::future::pending().await,
            }
        };
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            () = changed => false,
        };
        file.look_again(sources, asked);
        if let Some(watch) = &mut watch
            && let Err(error) = watch.watch(file.paths())
        {
            warn!("some changes of the configuration are not noticed, send SIGHUP then: {error}");
        }
    }
}

/// Without a file, SIGHUP has nothing to do but must not end the process.
pub(super) async fn nothing_to_reload(mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        warn!("SIGHUP, but there is no configuration file to read again");
    }
}

/// What a reload changed, in words.
struct Difference<'a> {
    old: &'a Config,
    new: &'a Config,
    effect: Reassessed,
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new) = (&self.old.policy, &self.new.policy);
        let mut parts = Vec::new();
        if old.interval != new.interval {
            parts.push(format!("interval {:?} → {:?}", old.interval, new.interval));
        }
        if old.grace != new.grace {
            parts.push(format!("grace {:?} → {:?}", old.grace, new.grace));
        }
        if old.admission != new.admission {
            parts.push("balancers".into());
        }
        if old.members_speak_for_themselves != new.members_speak_for_themselves {
            parts.push("members_only_from_own_address".into());
        }
        if old.member_rules != new.member_rules {
            parts.push("members".into());
        }
        if self.old.tls != self.new.tls {
            parts.push("tls".into());
        }
        if old.limits != new.limits || self.old.message_bytes != self.new.message_bytes {
            parts.push("limits".into());
        }
        if self.old.rules != self.new.rules {
            let (before, after) = (self.old.rule_count(), self.new.rule_count());
            let members = self.effect.members;
            parts.push(format!(
                "weights ({before} → {after} rules, {members} registered members weigh differently)"
            ));
        }
        if parts.is_empty() {
            return f.write_str("nothing changed");
        }
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests;
