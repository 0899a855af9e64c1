//! The translations of `full-nat`: looked at every few seconds, as remembered flows are.

use std::net::IpAddr;

use anyhow::Result;
use serde::Serialize;

use super::clock;
use super::event_loop::Daemon;
use crate::balance::change::FlowKey;
use crate::balance::spec::Pool;
use crate::balance::translations::Translation;

/// What the last sweep found.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Translations {
    /// Entries of IPv4: two for each flow.
    pub(super) v4: u64,
    /// Entries of IPv6.
    pub(super) v6: u64,
    /// As many fit, of each family.
    pub(super) limit: u64,
    /// Whether a sweep has looked.
    looked: bool,
}

impl Translations {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Takes in what was found.
    fn found(&mut self, found: &[Translation]) {
        let is_v4 = |entry: &&Translation| matches!(entry.key, FlowKey::V4(_));
        self.v4 = found.iter().filter(is_v4).count() as u64;
        self.v6 = found.len() as u64 - self.v4;
        self.looked = true;
    }

    fn is_empty(&self) -> bool {
        self.looked && self.v4 == 0 && self.v6 == 0
    }
}

/// Translations of `full-nat`, for status.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct TranslationsStatus {
    /// Entries of IPv4 that the last sweep found: two for each flow.
    pub ipv4: u64,
    /// Entries of IPv6.
    pub ipv6: u64,
    /// As many fit, of each family.
    pub limit: u64,
    /// The source addresses and ports; `null` if there are none.
    pub pool: Option<PoolStatus>,
}

/// Source addresses and ports of `full-nat`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PoolStatus {
    /// Of both families.
    pub addresses: Vec<IpAddr>,
    /// The first port.
    pub first_port: u16,
    /// The last port.
    pub last_port: u16,
}

impl TranslationsStatus {
    pub(super) fn new(found: &Translations, pool: Option<&Pool>) -> Self {
        Self {
            ipv4: found.v4,
            ipv6: found.v6,
            limit: found.limit,
            pool: pool.map(|pool| PoolStatus {
                addresses: addresses(pool),
                first_port: *pool.ports.start(),
                last_port: *pool.ports.end(),
            }),
        }
    }
}

/// Those of both families.
pub(super) fn addresses(pool: &Pool) -> Vec<IpAddr> {
    let v4 = pool.v4.iter().map(|address| IpAddr::V4(*address));
    v4.chain(pool.v6.iter().map(|address| IpAddr::V6(*address)))
        .collect()
}

impl Daemon {
    /// Looks at the translations, if there can be any, and removes those that are over.
    pub(super) async fn sweep_translations(&mut self) -> Result<()> {
        let pool = &self.setup.config.globals.pool;
        if pool.is_none() && self.stats.translations.is_empty() {
            return Ok(());
        }
        let now_ns = clock::now_ns();
        let found = self.worker.call(|datapath| datapath.translations()).await?;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!("{error}; trying again later");
                return Ok(());
            }
        };
        self.stats.translations.found(&found);
        let stale = self.balancer.sweep_translations(&found, now_ns);
        if stale.is_empty() {
            return Ok(());
        }
        let removed = self
            .worker
            .call(move |datapath| datapath.delete_translations(&stale, now_ns))
            .await?;
        match removed {
            Ok(count) => tracing::debug!(count, "removed translations"),
            Err(error) => tracing::warn!("{error}; trying again later"),
        }
        Ok(())
    }
}
