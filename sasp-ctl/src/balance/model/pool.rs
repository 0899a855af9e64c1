//! Numbers that are taken and given back: backend indices, service ids; and generations, which never are.

use std::collections::BTreeSet;

/// Free numbers, the lowest first.
#[derive(Clone, Debug)]
pub(super) struct Pool<T>(BTreeSet<T>);

impl<T: Copy + Ord> Pool<T> {
    pub(super) fn new(numbers: impl IntoIterator<Item = T>) -> Self {
        Self(numbers.into_iter().collect())
    }

    /// `None` if all are taken.
    pub(super) fn take(&mut self) -> Option<T> {
        self.0.pop_first()
    }

    /// Takes a certain number; false if it is taken or none of ours.
    pub(super) fn claim(&mut self, number: T) -> bool {
        self.0.remove(&number)
    }

    pub(super) fn give_back(&mut self, number: T) {
        let was_taken = self.0.insert(number);
        debug_assert!(was_taken, "a free number was given back");
    }
}

/// Source of generations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Generations(u32);

impl Generations {
    /// The first one comes after `last`.
    pub(super) fn after(last: u32) -> Self {
        Self(last)
    }

    /// One that no backend has had: 2³² members come and go before one repeats, and 0 stands for "never".
    pub(super) fn next(&mut self) -> u32 {
        self.0 = self.0.checked_add(1).unwrap_or(1);
        self.0
    }
}
