//! How well this balancer is, for the health byte of Set LB State (RFC 4678 section 7.6): from 0x00, which does nothing,
//! to 0x7f, all is well.
//!
//! The figure is `0x7f × interfaces that packets are balanced on ÷ interfaces attached × member addresses that have a
//! next hop ÷ member addresses`, where members that registered themselves count only for a service without others: they
//! may name addresses that nobody has. It is about the balancer and its network; what the GWM itself says of members is no
//! part of it, or the GWM would hear its own voice. As long as something works it is at least 1.
//!
//! A change is told at most every ten seconds and only if it is worth it; nothing left that works is told at once.

use std::time::{Duration, Instant};

use super::event_loop::Daemon;
use crate::datapath::State;
use crate::datapath::nexthop::Unresolved;

/// All is well.
pub(super) const FULL: u8 = 0x7f;
/// Between two changes that are told.
const PAUSE: Duration = Duration::from_secs(10);
/// A smaller change is not worth a message, unless all is well again: 3 %.
const STEP: u8 = 4;

/// How many of how many work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part {
    /// Those that work.
    pub(super) good: usize,
    /// All of them.
    pub(super) all: usize,
}

/// The figure. Without members to reach, only the interfaces count.
pub(super) fn figure(interfaces: Part, members: Part) -> u8 {
    let members = match members.all {
        0 => Part { good: 1, all: 1 },
        _ => members,
    };
    let good = interfaces.good as u64 * members.good as u64;
    let all = interfaces.all as u64 * members.all as u64;
    if good == 0 {
        return 0;
    }
    if good == all {
        return FULL;
    }
    let figure = (good * u64::from(FULL) + all / 2) / all;
    figure.clamp(1, u64::from(FULL) - 1) as u8
}

/// What was told last.
#[derive(Debug)]
pub(super) struct Health {
    told: u8,
    at: Option<Instant>,
}

impl Default for Health {
    /// All is well until somebody has looked.
    fn default() -> Self {
        Self {
            told: FULL,
            at: None,
        }
    }
}

impl Health {
    /// What the GWMs are to know.
    pub(super) fn told(&self) -> u8 {
        self.told
    }

    /// Takes a new figure; true if it is to be told.
    pub(super) fn observe(&mut self, figure: u8, now: Instant) -> bool {
        let worth = figure.abs_diff(self.told) >= STEP || figure == FULL || figure == 0;
        let in_time = figure == 0 || self.at.is_none_or(|at| at + PAUSE <= now);
        let tell = figure != self.told && worth && in_time;
        if tell {
            (self.told, self.at) = (figure, Some(now));
        }
        tell
    }
}

impl Daemon {
    /// The figure as things stand. A member whose address is just being resolved counts as reached, as its installed
    /// next hop still does.
    pub(super) fn health_now(&self) -> u8 {
        let running = |state: State| state == State::Running;
        let interfaces = self.interfaces.iter();
        let interfaces = Part {
            good: interfaces
                .filter(|attached| running(attached.state))
                .count(),
            all: self.interfaces.len(),
        };
        let members = self.balancer.vouched_addresses();
        let reached = members.iter().filter(|address| {
            let hop = self.hops_now.get(address);
            !self.balancer.bars(**address)
                && hop.is_none_or(
                    |hop| !matches!(hop, Err(reason) if *reason != Unresolved::Resolving),
                )
        });
        let members = Part {
            good: reached.count(),
            all: members.len(),
        };
        figure(interfaces, members)
    }

    /// Tells the GWMs how well we are, if that has changed.
    pub(super) fn look_after_health(&mut self, now: Instant) {
        if self.health.observe(self.health_now(), now) {
            let health = self.health.told();
            tracing::info!(health, full = FULL, "health has changed: telling the GWMs");
            self.tell_gwms();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(good: usize, all: usize) -> Part {
        Part { good, all }
    }

    #[test]
    fn the_figure_is_the_product_of_what_works() {
        for (interfaces, members, expected) in [
            (part(1, 1), part(3, 3), 0x7f),
            (part(1, 1), part(0, 0), 0x7f),
            (part(1, 2), part(4, 4), 64),
            (part(2, 2), part(2, 4), 64),
            (part(1, 2), part(1, 2), 32),
            (part(0, 2), part(4, 4), 0),
            (part(0, 0), part(4, 4), 0),
            (part(2, 2), part(0, 4), 0),
            (part(1, 100), part(1, 1000), 1),
            (part(999, 1000), part(1, 1), 0x7e),
        ] {
            assert_eq!(
                figure(interfaces, members),
                expected,
                "{interfaces:?} {members:?}"
            );
        }
    }

    #[test]
    fn changes_are_told_at_most_every_ten_seconds_but_the_end_at_once() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut health = Health::default();
        for (figure, seconds, tells) in [
            (FULL, 0, false),
            (FULL - 1, 0, false),
            (64, 1, true),
            (100, 2, false),
            (100, 11, true),
            (98, 30, false),
            (0, 12, true),
            (0, 13, false),
            (64, 14, false),
            (64, 22, true),
            (FULL, 31, false),
            (FULL, 32, true),
        ] {
            assert_eq!(
                health.observe(figure, at(seconds)),
                tells,
                "{figure} at {seconds}"
            );
        }
        assert_eq!(health.told(), FULL);
    }

    #[test]
    fn a_member_that_flaps_is_no_news() {
        let start = Instant::now();
        let mut health = Health::default();
        let told = (0..100).filter(|second| {
            let good = 49 + *second as usize % 2;
            health.observe(
                figure(part(1, 1), part(good, 50)),
                start + Duration::from_secs(*second),
            )
        });
        assert_eq!(told.count(), 0);
    }
}
