//! The task that looks at the server again and again: its health and its state byte.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::check::Check;
use super::health::Health;
use super::state;

/// What is known of the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Observed {
    /// `None`: no result yet.
    pub(super) healthy: Option<bool>,
    /// Its opaque state byte.
    pub(super) state: u8,
}

/// Where health and state byte come from.
#[derive(Clone, Debug)]
pub(super) struct Sources {
    pub(super) check: Option<Check>,
    pub(super) state_file: Option<PathBuf>,
    /// How often the file is read where there is no check.
    pub(super) interval: Duration,
    /// The state byte without a file, and until a file has one.
    pub(super) state: u8,
}

impl Sources {
    /// What is known before anything was looked at: who has nothing to look at is healthy.
    pub(super) fn at_first(&self) -> Observed {
        let nothing_to_see = self.check.is_none() && self.state_file.is_none();
        Observed {
            healthy: nothing_to_see.then_some(true),
            state: self.state,
        }
    }

    /// Looks for as long as somebody wants to know.
    pub(super) async fn follow(self, observed: watch::Sender<Observed>) {
        if self.check.is_none() && self.state_file.is_none() {
            return observed.closed().await;
        }
        let mut health = self
            .check
            .as_ref()
            .map(|check| Health::new(check.rise, check.fall));
        let mut complaint = None;
        let interval = self
            .check
            .as_ref()
            .map_or(self.interval, |check| check.interval);
        loop {
            // First the byte: what is told with the first result shall be right.
            let byte = self.read_state(&mut complaint);
            let healthy = match (&self.check, &mut health) {
                (Some(check), Some(health)) => ask(check, health).await,
                _ => Some(true),
            };
            observed.send_if_modified(|known| {
                let before = *known;
                known.state = byte.unwrap_or(known.state);
                known.healthy = healthy.or(known.healthy);
                *known != before
            });
            tokio::select! {
                () = observed.closed() => return,
                () = sleep(interval) => {}
            }
        }
    }

    /// The byte in the file, if there is a file and a byte in it. What is wrong with it is told once.
    fn read_state(&self, complaint: &mut Option<String>) -> Option<u8> {
        match state::read(self.state_file.as_ref()?) {
            Ok(byte) => {
                *complaint = None;
                Some(byte)
            }
            Err(reason) => {
                if complaint.as_ref() != Some(&reason) {
                    warn!("state stays as it is: {reason}");
                    *complaint = Some(reason);
                }
                None
            }
        }
    }
}

/// Makes a check; what is believed now, if that has changed.
async fn ask(check: &Check, health: &mut Health) -> Option<bool> {
    let result = check.probe.ask(check.timeout).await;
    let change = health.observe(result.is_ok());
    match (&result, change) {
        (_, Some(true)) => info!(check = %check.probe, "the server is healthy"),
        (Err(reason), Some(false)) => {
            warn!(check = %check.probe, %reason, "the server is not healthy")
        }
        (Err(reason), _) => debug!(check = %check.probe, %reason, "the check failed"),
        (Ok(()), _) => debug!(check = %check.probe, "the check succeeded"),
    }
    change
}
