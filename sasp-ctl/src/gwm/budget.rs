//! Memory for messages that have not come whole yet, for all peers together.
//!
//! Each connection has a little for itself. What it needs beyond that comes from a common store, so that many peers
//! that each announce a long message cannot use up the host's memory.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What a connection may hold without asking, in bytes: more than most messages have.
const OWN: usize = 64 << 10;
/// What all connections together may hold beyond that, in bytes.
const COMMON: usize = 256 << 20;

/// The common store.
#[derive(Default, Debug)]
pub(super) struct Budget {
    lent: AtomicUsize,
}

/// What one connection holds; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    budget: &'a Budget,
    lent: usize,
}

impl Budget {
    pub(super) fn share(&self) -> Share<'_> {
        Share {
            budget: self,
            lent: 0,
        }
    }
}

impl Share<'_> {
    /// Says that the connection holds `bytes` now; false if the common store does not have that much.
    #[must_use]
    pub(super) fn resize(&mut self, bytes: usize) -> bool {
        let wanted = bytes.saturating_sub(OWN);
        if wanted <= self.lent {
            self.budget
                .lent
                .fetch_sub(self.lent - wanted, Ordering::Relaxed);
            self.lent = wanted;
            return true;
        }
        let more = wanted - self.lent;
        let before = self.budget.lent.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > COMMON {
            self.budget.lent.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.lent = wanted;
        true
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.lent.fetch_sub(self.lent, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_bounded_by_what_the_others_hold_and_is_given_back() {
        let budget = Budget::default();
        let (mut one, mut two) = (budget.share(), budget.share());
        assert!(one.resize(OWN + COMMON));
        assert!(two.resize(OWN), "what is its own is never refused");
        assert!(!two.resize(OWN + 1));
        assert!(one.resize(OWN + COMMON - 10));
        assert!(two.resize(OWN + 10));
        drop(one);
        assert!(two.resize(OWN + COMMON));
        assert!(two.resize(0));
        drop(two);
        assert_eq!(budget.lent.load(Ordering::Relaxed), 0);
    }
}
