//! Several GWMs, one word for each member: the smallest weight or the mean.
//!
//! Weights of different GWMs cannot be compared as they are: z/OS gives 0 to 64, normalised inside the group, others up
//! to 65535. So each is taken as a share of the largest weight that its GWM gives in the group to a member which it is
//! confident of and in contact with. Not of the sum: then a member that one GWM does not have would change the shares
//! of those that it has.
//!
//! The rules for a member, over the GWMs that have it:
//! * One that is confident that there is no contact is believed: a flow that is sent to a dead member is lost, one that
//!   is not sent to a living member is served by another.
//! * One that says quiesce is obeyed.
//! * The weight is that of the GWMs that are confident and in contact. One that does not have the member, or is not
//!   sure, has no say.
//! * Not confident anywhere: not confident.
//!
//! The result is scaled so that the largest weight of the group is 65535, which keeps ratios to 1 part in 65535; a
//! weight that is not 0 stays at least 1. A GWM that is alone is passed on as it is.

use std::collections::{BTreeMap, BTreeSet};

use crate::balance::effective::{is_confident, is_down};
use crate::balance::inputs::{Freshness, GroupInput, Word};
use crate::config::Combine;
use crate::sasp::msg::MemberKey;

/// A share of 1, in fixed point: sums of integers do not depend on the order of the GWMs.
const ONE: u64 = 1 << 32;

/// One group, as these live GWMs see it; at least one.
pub(super) fn combine(mode: Combine, inputs: &[&GroupInput]) -> GroupInput {
    if let [alone] = inputs {
        return (*alone).clone();
    }
    let largest: Vec<u16> = inputs.iter().map(|input| largest(input)).collect();
    let keys: BTreeSet<MemberKey> = inputs
        .iter()
        .flat_map(|input| input.members.keys().copied())
        .collect();
    let mut shares = BTreeMap::new();
    let mut members = BTreeMap::new();
    for key in keys {
        let words: Vec<(Word, u16)> = inputs
            .iter()
            .zip(&largest)
            .filter_map(|(input, largest)| Some((*input.members.get(&key)?, *largest)))
            .collect();
        let word = flags(&words);
        if is_confident(&word) {
            shares.insert(key, share(mode, &words));
        }
        members.insert(key, word);
    }
    let most = shares.values().copied().max().unwrap_or(0);
    for (key, share) in shares {
        if let Some(word) = members.get_mut(&key) {
            word.weight = scale(share, most);
        }
    }
    GroupInput {
        freshness: Freshness::Live,
        converging: inputs.iter().all(|input| input.converging),
        members,
    }
}

/// The largest weight that counts.
fn largest(input: &GroupInput) -> u16 {
    let confident = input.members.values().filter(|word| is_confident(word));
    confident.map(|word| word.weight).max().unwrap_or(0)
}

/// Everything but the weight.
fn flags(words: &[(Word, u16)]) -> Word {
    let any = |is: fn(&Word) -> bool| words.iter().any(|(word, _)| is(word));
    let down = any(is_down);
    Word {
        contact: !down && any(|word| word.contact),
        quiesce: any(|word| word.quiesce),
        confident: down || any(|word| word.contact && word.confident),
        by_lb: any(|word| word.by_lb),
        weight: 0,
        // Opaque, so that one is as good as another as long as it is always the same.
        state: words.iter().map(|(word, _)| word.state).max().unwrap_or(0),
    }
}

/// The share of a member that some GWM is confident of.
fn share(mode: Combine, words: &[(Word, u16)]) -> u64 {
    let shares: Vec<u64> = words
        .iter()
        .filter(|(word, _)| is_confident(word))
        .map(|(word, largest)| divide(u64::from(word.weight) * ONE, (*largest).into()))
        .collect();
    match mode {
        Combine::Min => shares.into_iter().min().unwrap_or(0),
        Combine::Mean | Combine::FailOver => divide(shares.iter().sum(), shares.len() as u64),
    }
}

/// `most` becomes 65535.
fn scale(share: u64, most: u64) -> u16 {
    let scaled = divide(share * u64::from(u16::MAX), most);
    let floor = u64::from(share > 0);
    u16::try_from(scaled.max(floor)).unwrap_or(u16::MAX)
}

/// Rounded; 0 by 0 is 0.
fn divide(dividend: u64, divisor: u64) -> u64 {
    match divisor {
        0 => 0,
        _ => (dividend + divisor / 2) / divisor,
    }
}

#[cfg(test)]
mod tests;
