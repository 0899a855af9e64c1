//! A new configuration, while packets flow: all of it or nothing.

use std::time::Instant;

use anyhow::Result;
use tokio::sync::oneshot;

use super::control::Refusal;
use super::event_loop::Daemon;
use super::{advice, clock, gwm, interfaces, outlook, start};
use crate::config::{self, BalancerSettings, Config};

impl Daemon {
    /// Reads file and flags again; gives what is to be known of it, a line each, which the log has too. A refusal has
    /// changed nothing; it is logged and shown by `status`.
    pub(super) async fn reload(&mut self) -> Result<Result<Vec<String>, Refusal>> {
        let result = self.try_reload().await?;
        match &result {
            Ok(_) => {
                self.stats.reloads.0 += 1;
                tracing::info!("reloaded");
            }
            Err(refusal) => {
                self.stats.reloads.1 += 1;
                tracing::error!("reload refused, nothing has changed: {refusal}");
            }
        }
        let error = result.as_ref().err().map(ToString::to_string);
        self.reloaded = Some((Instant::now(), error));
        Ok(result)
    }

    /// Adds how the new configuration fares on this host, which netlink is asked for: nobody waits for that but whoever
    /// asked.
    pub(super) fn answer(
        &self,
        reply: oneshot::Sender<Result<Vec<String>, Refusal>>,
        reloaded: Result<Vec<String>, Refusal>,
    ) {
        let config = self.setup.config.clone();
        let attached = interfaces::indices(&self.interfaces);
        tokio::spawn(async move {
            let answer = match reloaded {
                Ok(mut warnings) => {
                    warnings.extend(outlook::look(&config, Some(attached)).await);
                    Ok(warnings)
                }
                Err(refusal) => Err(refusal),
            };
            // Whoever asked may have gone.
            let _ = reply.send(answer);
        });
    }

    async fn try_reload(&mut self) -> Result<Result<Vec<String>, Refusal>> {
        let setup = &self.setup;
        let new = match config::load(setup.file.as_deref(), &setup.flags) {
            Ok(new) => new,
            Err(error) => return Ok(Err(Refusal::BadConfig(error.to_string()))),
        };
        if let Some(fixed) = fixed_key_changed(&setup.config.balancer, &new.balancer) {
            return Ok(Err(Refusal::BadConfig(fixed.text())));
        }
        let wanted = start::wanted(&new);
        let cuts = self.balancer.cuts(&wanted);
        let changes = match self.balancer.set_services(wanted, clock::now_ns()) {
            Ok(changes) => changes,
            Err(limit) => return Ok(Err(Refusal::BadConfig(limit.to_string()))),
        };
        let mut warnings = new.warnings.clone();
        warnings.extend(cuts.iter().map(ToString::to_string));
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        self.publisher.publish(changes, &mut self.stats).await?;
        self.adapt(new);
        self.give_advice();
        self.refresh().await?;
        self.tell_troubles();
        Ok(Ok(warnings))
    }

    /// Everything that follows from new services and other GWMs.
    fn adapt(&mut self, new: Config) {
        let now = Instant::now();
        self.setup.config = new;
        let config = &self.setup.config;
        let replies = advice::replies(&config.services);
        self.replies
            .send_if_modified(|former| std::mem::replace(former, replies) != replies);
        let (quiesced, health) = (self.balancer.quiesced(), self.health.told());
        let started = self.links.set(&config.gwms, &config.balancer.uid, |gwm| {
            gwm::desired(config, gwm, &quiesced, health)
        });
        let handover = self.words.configure(config, &started, now);
        self.hand_over(handover);
    }
}

/// A key that a reload cannot change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fixed {
    /// The process has it: sockets have their address.
    ByProcess(&'static str),
    /// What is pinned has it, and the next process takes it over.
    ByPins(&'static str),
}

impl Fixed {
    fn text(self) -> String {
        match self {
            Self::ByProcess(key) => format!(
                "`{key}` under [balancer] cannot change while the daemon runs: change it back, or restart the daemon (forwarding goes on)"
            ),
            Self::ByPins(key) => format!(
                "`{key}` under [balancer] cannot change while the balancer is attached, and outlives a restart: change it back, or `sasp-ctl detach` (forwarding ends, flows are forgotten), then `sasp-ctl attach`"
            ),
        }
    }
}

/// The first key whose change asks for more than a reload.
fn fixed_key_changed(old: &BalancerSettings, new: &BalancerSettings) -> Option<Fixed> {
    use Fixed::{ByPins, ByProcess};
    [
        (ByProcess("uid"), old.uid != new.uid),
        (ByPins("instance"), old.instance != new.instance),
        (ByProcess("listen"), old.listen != new.listen),
        // Without one, whatever is there is right.
        (
            ByPins("hash_seed"),
            new.hash_seed.is_some() && old.hash_seed != new.hash_seed,
        ),
        (ByProcess("packet_log"), old.packet_log != new.packet_log),
        (ByPins("limits"), old.limits != new.limits),
    ]
    .into_iter()
    .find_map(|(key, changed)| changed.then_some(key))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Fixed::{ByPins, ByProcess};
    use super::*;
    use crate::config::Flags;

    fn balancer(keys: &str) -> BalancerSettings {
        let text = format!("[balancer]\nuid = \"u\"\n{keys}");
        config::from_text(Path::new("edge.toml"), text, &Flags::default())
            .unwrap()
            .balancer
    }

    #[test]
    fn what_a_running_daemon_cannot_change_is_named() {
        let old = balancer("");
        for (keys, changed) in [
            ("", None),
            ("instance = \"x\"", Some(ByPins("instance"))),
            ("listen = \"127.0.0.1:1\"", Some(ByProcess("listen"))),
            ("hash_seed = 1", Some(ByPins("hash_seed"))),
            ("packet_log = \"info\"", Some(ByProcess("packet_log"))),
            ("limits = { flows = 2048 }", Some(ByPins("limits"))),
        ] {
            assert_eq!(fixed_key_changed(&old, &balancer(keys)), changed, "{keys}");
        }
    }

    #[test]
    fn a_restart_is_the_advice_only_where_it_helps() {
        let (restart, detach) = (ByProcess("listen").text(), ByPins("limits").text());
        assert!(restart.contains("restart the daemon") && !restart.contains("detach"));
        assert!(detach.contains("`sasp-ctl detach`") && !detach.contains("restart the"));
    }
}
