//! Weighted Maglev with credits: which member owns which slot, as a function of members, weights and seed alone, so
//! that two balancers agree without talking.
//!
//! Three steps, all in integers:
//! 1. `quotas`: how many slots each member gets.
//! 2. `schedule`: in which order they claim. A turn brings each member quota ÷ (largest quota) of a credit; who has
//!    a whole one claims. So all of them claim evenly from the first turn to the last, which fills the table.
//! 3. `claim`: each time its next preferred slot that is still free. Each member prefers slots in an order of its own,
//!    computed by `Preferences`: no permutation is stored.
//!
//! Eisenbud et al., "Maglev", NSDI 2016, section 3.4, knows no weights; the credits are ours. So is the scrambling of
//! the paper's arithmetic progressions: with bare ones two members' skips are, by rare seeds, so near to multiples of
//! each other that a small change of weights runs through both and moves a tenth of all slots. Not promised, as by no
//! Maglev: that only the slots move which must. A step of one weight moves a few in a thousand more.

use std::net::IpAddr;

use sasp_xdp_common::abi::backend::{Index, NOBODY};
use sasp_xdp_common::abi::limits::SLOTS;

use crate::sasp::msg::MemberKey;

/// A member and its effective weight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weighted {
    /// Who it is; decides which slots it prefers.
    pub key: MemberKey,
    /// What stands for it in the table.
    pub index: Index,
    /// Relative to the others; 0 gets no slot.
    pub weight: u32,
}

/// Owner of every slot, by its index: nobody if every weight is 0.
///
/// Slots are shared exactly within one slot of the weights' ratio, but a weight above 0 gets at least one; where that
/// is more than its share, the others share what is left. `members` are each there once, at most [`SLOTS`], in any
/// order, none of them with the index of nobody.
pub fn owners(members: &[Weighted], seed: u64) -> Vec<Index> {
    let mut members: Vec<&Weighted> = members.iter().filter(|member| member.weight > 0).collect();
    members.sort_unstable_by_key(|member| member.key);
    if members.is_empty() {
        return vec![NOBODY; SLOTS];
    }
    let weights: Vec<u64> = members.iter().map(|member| member.weight.into()).collect();
    let claimants = members
        .iter()
        .map(|member| Claimant::new(member, seed))
        .collect();
    claim(&schedule(&quotas(&weights)), claimants)
}

/// Slots of each member, by largest remainder; the earlier one where remainders tie. All weights are above 0.
fn quotas(weights: &[u64]) -> Vec<u32> {
    let mut quotas = vec![0; weights.len()];
    let (slots, total) = give_one_to_small(weights, &mut quotas);
    let mut by_remainder: Vec<(u64, usize)> = Vec::new();
    let mut left = slots;
    for (position, &weight) in weights.iter().enumerate() {
        if quotas[position] == 0 {
            let share = slots * weight / total;
            quotas[position] = share as u32;
            left -= share;
            by_remainder.push((slots * weight % total, position));
        }
    }
    by_remainder.sort_unstable_by_key(|&(remainder, position)| (u64::MAX - remainder, position));
    for &(_, position) in by_remainder.iter().take(left as usize) {
        quotas[position] += 1;
    }
    quotas
}

/// Gives one slot to each member whose share is below one. Returns the slots and the sum of weights that are left;
/// every time that some are given, shares of the others shrink, hence the loop.
fn give_one_to_small(weights: &[u64], quotas: &mut [u32]) -> (u64, u64) {
    let mut slots = SLOTS as u64;
    let mut total: u64 = weights.iter().sum();
    loop {
        let (slots_before, total_before) = (slots, total);
        for (quota, &weight) in quotas.iter_mut().zip(weights) {
            if *quota == 0 && slots_before * weight < total_before {
                *quota = 1;
                slots -= 1;
                total -= weight;
            }
        }
        if slots == slots_before {
            return (slots, total);
        }
    }
}

/// Whose turn it is to claim a slot, [`SLOTS`] times. The first claim comes in the first turn, the `k`-th (from 0) in
/// turn ⌊k × largest ÷ quota⌋; inside a turn the order is that of `quotas`.
fn schedule(quotas: &[u32]) -> Vec<u16> {
    let largest = quotas.iter().copied().max().unwrap_or(0);
    let mut claims_before = vec![0u32; largest as usize + 1];
    for &quota in quotas {
        for turn in turns(quota, largest) {
            claims_before[turn as usize + 1] += 1;
        }
    }
    for turn in 1..claims_before.len() {
        claims_before[turn] += claims_before[turn - 1];
    }
    let mut schedule = vec![0; SLOTS];
    for (position, &quota) in quotas.iter().enumerate() {
        for turn in turns(quota, largest) {
            let at = &mut claims_before[turn as usize];
            schedule[*at as usize] = position as u16;
            *at += 1;
        }
    }
    schedule
}

/// The turns in which a member claims, by adding up instead of dividing.
fn turns(quota: u32, largest: u32) -> impl Iterator<Item = u32> {
    let (step, remainder) = (largest / quota, largest % quota);
    let (mut turn, mut credit) = (0, 0);
    (0..quota).map(move |_| {
        let claimed = turn;
        turn += step;
        credit += remainder;
        if credit >= quota {
            credit -= quota;
            turn += 1;
        }
        claimed
    })
}

/// A member and the slots that it prefers.
struct Claimant {
    index: Index,
    preferences: Preferences,
}

impl Claimant {
    fn new(member: &Weighted, seed: u64) -> Self {
        let key = &member.key;
        let address = match key.address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let rest = u64::from(key.port) | (u64::from(key.protocol) << 16);
        let hash = [(address >> 64) as u64, address as u64, rest]
            .into_iter()
            .fold(seed, |state, word| mix(state ^ word));
        Self {
            index: member.index,
            preferences: Preferences::new(hash),
        }
    }
}

/// Every slot once, best first, in an order that the key alone decides: an arithmetic progression, scrambled by two
/// rounds of xor-shift and odd multiplication, each a bijection of 16 bits.
struct Preferences {
    next: u16,
    skip: u16,
    factors: [u16; 2],
}

const _: () = assert!(SLOTS == 1 << u16::BITS);

impl Preferences {
    fn new(key: u64) -> Self {
        let [next, skip, first, second] = [0, 16, 32, 48].map(|bit| (key >> bit) as u16);
        Self {
            next,
            skip: skip | 1,
            factors: [first | 1, second | 1],
        }
    }

    /// The next best; after all of them the best again.
    fn take(&mut self) -> u16 {
        let place = self.next;
        self.next = place.wrapping_add(self.skip);
        let [first, second] = self.factors;
        let place = (place ^ (place >> 8)).wrapping_mul(first);
        let place = (place ^ (place >> 7)).wrapping_mul(second);
        place ^ (place >> 8)
    }
}

/// A bijection of 64 bits in which every bit of the input moves every bit of the output: MurmurHash3's finaliser
/// (public domain), after an odd constant so that 0 does not stay 0.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let word = (word ^ (word >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    word ^ (word >> 33)
}

/// Carries the schedule out.
fn claim(schedule: &[u16], mut claimants: Vec<Claimant>) -> Vec<Index> {
    let mut owners = vec![NOBODY; SLOTS];
    for &claimant in schedule {
        let Claimant { index, preferences } = &mut claimants[usize::from(claimant)];
        // Ends: there are as many slots as claims, so one is free, and preferences reach all.
        loop {
            let owner = &mut owners[usize::from(preferences.take())];
            if *owner == NOBODY {
                *owner = *index;
                break;
            }
        }
    }
    owners
}

#[cfg(test)]
mod tests;
