//! The gateways of the routes by our interfaces, and the interfaces that they are on. Of a route that names a next hop
//! object the kernel shows them, unless `net.ipv4.nexthop_compat_mode` is 0.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use rtnetlink::Error;
use tokio::time::Instant;

use super::Replies;
use super::kernel::{Kernel, Link};
use super::resolve::attached_below;

/// They are read so often.
const READ_EVERY: Duration = Duration::from_secs(15);
/// A router may have a million routes: at most one part in so many of the time goes into reading them.
const READ_SHARE: u32 = 50;

/// As they were when last read.
#[derive(Debug, Default)]
pub(super) struct Gateways {
    found: BTreeSet<(u32, IpAddr)>,
    read_again: Option<Instant>,
    of: Replies,
}

impl Gateways {
    /// Those of the families of `replies` on interfaces that are `attached`, or on VLANs upon these. Reads them if that
    /// is due; where that fails, those of before stay until the next time: members do not wait for them.
    pub(super) async fn look(
        &mut self,
        kernel: &Kernel,
        replies: Replies,
        attached: &BTreeSet<u32>,
        links: &BTreeMap<u32, Link>,
    ) -> impl Iterator<Item = (u32, IpAddr)> {
        let due = self.read_again.is_none_or(|at| at <= Instant::now());
        if due || self.of != replies {
            let started = Instant::now();
            match read(kernel, replies).await {
                Ok(found) => self.found = found,
                Err(error) => tracing::warn!("routes cannot be read: {error}; trying again later"),
            }
            self.read_again = Some(Instant::now() + READ_EVERY.max(started.elapsed() * READ_SHARE));
            self.of = replies;
        }
        let found = self.found.iter().copied();
        found.filter(|(ifindex, _)| attached_below(*ifindex, attached, links).is_some())
    }
}

async fn read(kernel: &Kernel, replies: Replies) -> Result<BTreeSet<(u32, IpAddr)>, Error> {
    let mut found = BTreeSet::new();
    for (wanted, v4) in [(replies.v4, true), (replies.v6, false)] {
        if wanted {
            found.extend(kernel.gateways(v4).await?);
        }
    }
    Ok(found)
}
