//! The translations of `full-nat`: walked through some parts at a time. However many there are, nothing else waits for
//! much longer than `LONGEST`: of a million, all have been looked at within a minute.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use sasp_xdp_common::abi::counters::Reason;
use serde::Serialize;

use super::clock;
use super::event_loop::Daemon;
use crate::balance::spec::Pool;
use crate::balance::translations::{Judge, Tally};
use crate::datapath::{Datapath, Error, Walk};

/// A part is a few thousand entries. To look at one takes a few milliseconds; to remove all of its flows, tens.
const PARTS: usize = 8;
/// After so long no further part is begun.
const LONGEST: Duration = Duration::from_millis(50);
/// From the end of some parts to the next.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// The same where entries are scarce. A fifth of the event loop's time is spent then, at most.
const SHORT_PAUSE: Duration = Duration::from_millis(200);
/// From this part of the limit on, entries are scarce.
const SCARCE: u64 = 2;
/// Less than this part of the limit is missing where the map was full a moment ago.
const NEARLY: u64 = 16;

/// What the last walk found.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Translations {
    /// Entries of IPv4: two for each flow.
    pub(super) v4: u64,
    /// Entries of IPv6.
    pub(super) v6: u64,
    /// As many fit, of each family.
    pub(super) limit: u64,
    /// Entries of the family that has more of them, as far as the walk under way has come.
    so_far: u64,
    /// Whether one has looked.
    looked: bool,
}

impl Translations {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Takes in what a whole walk has met.
    fn found(&mut self, tally: &Tally) {
        (self.v4, self.v6) = (tally.v4, tally.v6);
        self.so_far = 0;
        self.looked = true;
    }

    /// Takes in what a walk has met that goes on.
    fn met(&mut self, tally: &Tally) {
        self.so_far = tally.v4.max(tally.v6);
    }

    /// Of the family that has more of them. The last walk may have been before a flood.
    fn most(&self) -> u64 {
        self.v4.max(self.v6).max(self.so_far)
    }

    /// Whether the entries of a family are running out.
    fn are_scarce(&self) -> bool {
        self.most() > self.limit / SCARCE
    }

    /// How long to leave them alone.
    pub(super) fn pause(&self) -> Duration {
        if self.are_scarce() {
            SHORT_PAUSE
        } else {
            PAUSE
        }
    }

    /// What flows that are refused lack. Some entries may have become free since.
    fn cause(&self) -> &'static str {
        match self.most() >= self.limit - self.limit / NEARLY {
            true => {
                "there is no room for more translations: raise `limits.translations` under [balancer], which takes a detach"
            }
            false => {
                "full-nat finds no free source port towards a member port: add `full_nat.addresses` or members, or shorten `idle` if connections are left open"
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.looked && self.v4 == 0 && self.v6 == 0
    }
}

/// Translations of `full-nat`, for status.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize)]
pub struct TranslationsStatus {
    /// Entries of IPv4 that the last walk found: two for each flow.
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
    /// Notes how many flows were refused before this daemon, which is no news.
    pub(super) async fn begin_shortage(&mut self) -> Result<()> {
        if let Some(refused) = self.refused().await? {
            self.stats.shortage.begin(refused);
        }
        Ok(())
    }

    async fn refused(&self) -> Result<Option<u64>> {
        let counted = |datapath: &mut Datapath| datapath.counted(Reason::NatExhausted);
        match self.worker.call(counted).await? {
            Ok(refused) => Ok(Some(refused)),
            Err(error) => {
                tracing::warn!("{error}; trying again later");
                Ok(None)
            }
        }
    }

    /// Whether there can be any.
    fn are_translations(&self) -> bool {
        self.setup.config.globals.pool.is_some() || !self.stats.translations.is_empty()
    }

    /// Warns once new flows are refused, and says of what there is too little.
    pub(super) async fn tell_shortage(&mut self) -> Result<()> {
        if !self.are_translations() {
            return Ok(());
        }
        let Some(refused) = self.refused().await? else {
            return Ok(());
        };
        let Some(refused) = self.stats.shortage.looked(refused) else {
            return Ok(());
        };
        let found = &self.stats.translations;
        let most = self.balancer.most_translated();
        tracing::warn!(
            refused,
            ipv4 = found.v4,
            ipv6 = found.v6,
            limit = found.limit,
            member = most.map(|(member, _)| member.to_string()),
            flows = most.map(|(_, flows)| flows),
            "new flows are refused: {}",
            found.cause()
        );
        Ok(())
    }

    /// Looks at some translations, if there can be any, and removes those that are over.
    pub(super) async fn sweep_translations(&mut self) -> Result<()> {
        if !self.are_translations() {
            return Ok(());
        }
        let judge = self
            .balancer
            .translation_judge(clock::now_ns(), self.stats.translations.are_scarce());
        let mut sweep = std::mem::take(&mut self.translation_sweep);
        let (sweep, removed) = self
            .worker
            .call(move |datapath| {
                let removed = sweep.go_on(datapath, &judge);
                (sweep, removed)
            })
            .await?;
        match removed {
            Ok(0) => {}
            Ok(count) => tracing::debug!(count, "removed translations"),
            // The walk goes on from where it is.
            Err(error) => tracing::warn!("{error}; trying again later"),
        }
        if sweep.walk.is_finished() {
            self.stats.translations.found(&sweep.tally);
            self.balancer.count_translations(&sweep.tally);
        } else {
            self.stats.translations.met(&sweep.tally);
            self.translation_sweep = sweep;
        }
        Ok(())
    }
}

/// A walk, and what it has met so far.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    walk: Walk,
    tally: Tally,
}

impl Sweep {
    /// Looks at the next translations and removes those that are over; says how many flows and lone entries that were.
    fn go_on(&mut self, datapath: &mut Datapath, judge: &Judge) -> Result<usize, Error> {
        let started = Instant::now();
        let mut removed = 0;
        for _ in 0..PARTS {
            let mut stale = Vec::new();
            for (entry, other) in datapath.translations(&mut self.walk, judge)? {
                let over = judge.judge(&entry, other.as_ref());
                self.tally.add(&entry, over.as_ref());
                stale.extend(over);
            }
            removed += datapath.delete_translations(&stale, judge.now_ns)?;
            if self.walk.is_finished() || started.elapsed() >= LONGEST {
                break;
            }
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_has_met_many_needs_no_end_to_tell_that_entries_are_scarce() {
        let tally = |v4, v6| Tally {
            v4,
            v6,
            ..Tally::default()
        };
        let mut found = Translations::new(1000);
        found.found(&tally(10, 0));
        found.met(&tally(500, 0));
        assert!(!found.are_scarce());
        assert_eq!(found.pause(), PAUSE);
        found.met(&tally(500, 501));
        assert!(found.are_scarce());
        assert_eq!(found.pause(), SHORT_PAUSE);
        found.met(&tally(500, 980));
        assert!(found.cause().contains("limits.translations"));
        found.found(&tally(500, 20));
        assert!(!found.are_scarce(), "the next walk has met fewer");
    }

    #[test]
    fn what_is_missing_is_room_in_a_full_map_and_ports_otherwise() {
        let found = |v4, v6| Translations {
            v4,
            v6,
            ..Translations::new(1000)
        };
        for full in [found(1000, 0), found(0, 980)] {
            assert!(full.cause().contains("limits.translations"), "{full:?}");
        }
        assert!(found(900, 900).cause().contains("source port"));
    }
}
