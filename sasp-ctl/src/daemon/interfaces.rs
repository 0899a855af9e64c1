//! Keeps an eye on the interfaces: the data path follows them, the next hops follow the data path. And the line that the
//! service manager shows of them.

use std::collections::BTreeSet;

use anyhow::Result;

use super::event_loop::Daemon;
use super::notify;
use crate::datapath::{Attached, State};

impl Daemon {
    /// Has the data path look after its interfaces, and tells the watch on next hops which are attached now.
    pub(super) async fn look_after_interfaces(&mut self) -> Result<()> {
        let looked = self
            .worker
            .call(|datapath| datapath.look_after_interfaces().map(<[_]>::to_vec))
            .await?;
        let interfaces = match looked {
            Ok(interfaces) => interfaces,
            Err(error) => {
                tracing::warn!("{error}; trying again later");
                return Ok(());
            }
        };
        if interfaces != self.interfaces {
            self.interfaces = interfaces;
            self.attached.send_replace(indices(&self.interfaces));
            self.notify_status();
        }
        Ok(())
    }

    /// One line for the service manager.
    pub(super) fn notify_status(&self) {
        let interfaces: Vec<_> = self
            .interfaces
            .iter()
            .map(|attached| match attached.state {
                State::Running => attached.name.clone(),
                lost => format!("{} ({lost})", attached.name),
            })
            .collect();
        let gwms: Vec<_> = self
            .links
            .snapshots()
            .map(|(gwm, session)| format!("GWM {} {:?}", gwm.address, session.state))
            .collect();
        let gwms = match gwms.is_empty() {
            true => "no GWM".to_owned(),
            false => gwms.join(", "),
        };
        notify::status(&format!("attached to {}; {gwms}", interfaces.join(", ")));
    }
}

/// The indices of the interfaces, running or not: of one that is gone, the next hops say so themselves.
pub(super) fn indices(interfaces: &[Attached]) -> BTreeSet<u32> {
    interfaces.iter().map(|attached| attached.ifindex).collect()
}
