//! Keeps an eye on the interfaces: the data path follows them, the next hops follow the data path.

use std::collections::BTreeSet;

use anyhow::Result;

use super::event_loop::Daemon;
use crate::datapath::Attached;

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
}

/// The indices of the interfaces, running or not: of one that is gone, the next hops say so themselves.
pub(super) fn indices(interfaces: &[Attached]) -> BTreeSet<u32> {
    interfaces.iter().map(|attached| attached.ifindex).collect()
}
