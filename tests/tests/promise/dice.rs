//! Random numbers that a seed repeats: SplitMix64 (Steele et al., 2014).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

const VARIABLE: &str = "SASP_PROMISE_SEED";

pub(crate) struct Dice(u64);

impl Dice {
    /// By the seed that the environment gives, else another each time; says which.
    pub(crate) fn throw() -> Result<(Self, u64)> {
        let seed = match std::env::var(VARIABLE) {
            Ok(text) => text
                .parse()
                .with_context(|| format!("{VARIABLE}={text}: not a number"))?,
            Err(_) => SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros() as u64,
        };
        eprintln!("{VARIABLE}={seed}");
        Ok((Self(seed), seed))
    }

    /// Others, that do not repeat these.
    pub(crate) fn split(&mut self) -> Self {
        Self(self.next())
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn millis(&mut self, from: usize, to: usize) -> Duration {
        Duration::from_millis((from + self.below(to - from)) as u64)
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}
