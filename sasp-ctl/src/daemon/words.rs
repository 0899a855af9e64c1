//! What the GWMs say, as the balancer is to hear it: how far each can be trusted as its session comes and goes, which
//! of them count, and how several become one. Pure: time is an argument, the order of the GWMs is that of their
//! priority, and an address is the name of one.
//!
//! # Fail-over
//! Exactly one GWM is in charge and its words alone count, so that no member ever has weights of two. Who is in charge
//! is decided in `charge`. While nobody is well, the last words of the one in charge stand for its hold time.
//!
//! # Min and mean
//! Every GWM counts whose session is up and which has looked at the group; `combine` makes one word of theirs. What a
//! lost GWM said is forgotten at once, since the others go on; only when none is left, the last result stands for the
//! longest hold time of those that had a part in it.
//!
//! # Layout
//! * `voice`: one GWM, and the ladder "live, held, gone" of each group. `charge`: fail-over. `combine`: min and mean.
//! * `guests`: which members that registered themselves are worth passing on.

pub(super) mod charge;
mod combine;
mod guests;
mod voice;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::balance::inputs::{Freshness, GroupInput};
use crate::config::endpoint::GwmAddress;
use crate::config::{Combine, Config};
use crate::sasp::client::{GroupWeights, MemberWeight};
use crate::sasp::msg::{MemberKey, Name};

use charge::Why;
use guests::Rules;
use voice::Voice;

/// Every group of the config, and what every GWM says of it.
#[derive(Debug)]
pub(super) struct Words {
    combine: Combine,
    fail_back: Duration,
    groups: BTreeMap<Name, Rules>,
    /// By priority.
    voices: Vec<Voice>,
    /// Fail-over only.
    in_charge: Option<GwmAddress>,
    /// When it was last decided who is in charge.
    decided: Instant,
}

/// Another GWM is in charge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Handover {
    /// Who was, if anybody.
    pub(super) from: Option<GwmAddress>,
    /// Who is.
    pub(super) to: GwmAddress,
    /// Why.
    pub(super) why: Why,
}

impl Words {
    /// Nothing was said yet. What was said before a restart stands as long as if every session had just been lost.
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        let mut words = Self {
            combine: config.balancer.combine,
            fail_back: config.balancer.fail_back,
            groups: BTreeMap::new(),
            voices: Vec::new(),
            in_charge: None,
            decided: now,
        };
        // Nothing can be handed over by nobody.
        let _ = words.configure(config, &BTreeSet::new(), now);
        words
    }

    /// A new config. The GWMs in `restarted` have a new session: their words are worth what they are when one is lost.
    pub(super) fn configure(
        &mut self,
        config: &Config,
        restarted: &BTreeSet<GwmAddress>,
        now: Instant,
    ) -> Option<Handover> {
        self.combine = config.balancer.combine;
        self.fail_back = config.balancer.fail_back;
        self.groups = guests::rules(&config.services);
        let mut former = std::mem::take(&mut self.voices);
        for gwm in &config.gwms {
            let known = former.iter().position(|voice| voice.address == gwm.address);
            let known = known.filter(|_| !restarted.contains(&gwm.address));
            let mut voice = match known {
                Some(at) => former.swap_remove(at),
                None => Voice::new(gwm.address.clone(), now),
            };
            voice.configure(gwm.hold, self.groups.keys(), now);
            self.voices.push(voice);
        }
        self.decide(now)
    }

    /// A GWM has been told everything.
    pub(super) fn synced(&mut self, gwm: &GwmAddress, now: Instant) {
        if let Some(voice) = self.voice(gwm) {
            voice.synced(now);
        }
    }

    /// A GWM has spoken of a group. Returns how many members that registered themselves are left out since there are
    /// too many of them, if that is new.
    pub(super) fn said(
        &mut self,
        gwm: &GwmAddress,
        weights: GroupWeights,
        unknown: &BTreeMap<MemberKey, MemberWeight>,
        now: Instant,
    ) -> usize {
        let Some(rules) = self.groups.get(&weights.name) else {
            return 0;
        };
        let Some(voice) = self.voices.iter_mut().find(|voice| voice.address == *gwm) else {
            return 0;
        };
        voice.said(weights, |before| guests::sort(rules, unknown, before), now)
    }

    /// A session is lost: its hold time starts for groups that were live.
    pub(super) fn lost(&mut self, gwm: &GwmAddress, now: Instant) {
        if let Some(voice) = self.voice(gwm) {
            voice.lost(now);
        }
    }

    /// Decides who is in charge; to be asked after everything that happens and at the deadline.
    pub(super) fn decide(&mut self, now: Instant) -> Option<Handover> {
        self.decided = now;
        if self.combine != Combine::FailOver {
            self.in_charge = None;
            return None;
        }
        let standings: Vec<_> = self.voices.iter().map(Voice::standing).collect();
        let current = self.at();
        let Some((to, why)) = charge::next(&standings, current, self.fail_back, now) else {
            // One that is not in the config any more is not in charge.
            current.is_none().then(|| self.in_charge.take());
            return None;
        };
        let to = self.voices[to].address.clone();
        let from = self.in_charge.replace(to.clone());
        Some(Handover { from, to, why })
    }

    /// When [`Self::expire`] or [`Self::decide`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let standings: Vec<_> = self.voices.iter().map(Voice::standing).collect();
        let charge = match self.combine {
            Combine::FailOver => {
                charge::deadline(&standings, self.at(), self.fail_back, self.decided)
            }
            Combine::Min | Combine::Mean => None,
        };
        let held = self.voices.iter().filter_map(Voice::deadline);
        held.chain(charge).min()
    }

    /// Forgets what was held or waited for too long; `None` if there was nothing. Says of which groups nothing counts
    /// any more because of that.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Vec<Name>> {
        let held = |words: &Self, name: &Name| words.input(name).freshness == Freshness::Held;
        let before: Vec<Name> = self.groups.keys().cloned().collect();
        let before: Vec<Name> = before.into_iter().filter(|name| held(self, name)).collect();
        let mut expired = false;
        for voice in &mut self.voices {
            expired |= voice.expire(now);
        }
        let gone = before.into_iter().filter(|name| !held(self, name));
        expired.then(|| gone.collect())
    }

    /// As the balancer wants it.
    pub(super) fn inputs(&self) -> BTreeMap<Name, GroupInput> {
        let names = self.groups.keys();
        names.map(|name| (name.clone(), self.input(name))).collect()
    }

    /// Whether what this GWM says makes a difference now.
    pub(super) fn counts(&self, gwm: &GwmAddress) -> bool {
        self.combine != Combine::FailOver || self.in_charge.as_ref() == Some(gwm)
    }

    /// Whether this GWM is the one in charge; with min and mean every live one is.
    pub(super) fn is_in_charge(&self, gwm: &GwmAddress) -> bool {
        match self.combine {
            Combine::FailOver => self.in_charge.as_ref() == Some(gwm),
            Combine::Min | Combine::Mean => self.live_since(gwm).is_some(),
        }
    }

    /// Since when a GWM has been live, if it is.
    pub(super) fn live_since(&self, gwm: &GwmAddress) -> Option<Instant> {
        let voice = self.voices.iter().find(|voice| voice.address == *gwm)?;
        voice.standing().live_since()
    }

    /// The GWMs whose words make up a group's, now or as they are held.
    pub(super) fn sources(&self, group: &Name) -> Vec<&GwmAddress> {
        let counts = |voice: &&Voice| {
            let input = voice.input(group);
            input.is_some_and(|input| input.freshness != Freshness::Gone)
        };
        let voices = self.counting(group).into_iter().filter(counts);
        voices.map(|voice| &voice.address).collect()
    }

    fn input(&self, group: &Name) -> GroupInput {
        let voices = self.counting(group);
        let inputs: Vec<_> = voices
            .iter()
            .filter_map(|voice| voice.input(group))
            .collect();
        let mut input = match (self.combine, &inputs[..]) {
            (_, []) => self.held(group),
            (Combine::FailOver, [input, ..]) => (*input).clone(),
            (mode @ (Combine::Min | Combine::Mean), inputs) => combine::combine(mode, inputs),
        };
        for (key, word) in voices.iter().flat_map(|voice| voice.strangers(group)) {
            input.members.entry(key).or_insert(word);
        }
        input
    }

    /// Those whose words count now: the one in charge, or the live ones.
    fn counting(&self, group: &Name) -> Vec<&Voice> {
        match self.combine {
            Combine::FailOver => self.at().map(|at| &self.voices[at]).into_iter().collect(),
            Combine::Min | Combine::Mean => self.taking_part(group),
        }
    }

    /// A group that nobody speaks of now: what was said last stands as long as one still holds it.
    fn held(&self, group: &Name) -> GroupInput {
        let mut all = self.voices.iter().filter_map(|voice| voice.input(group));
        let held = all.any(|input| input.freshness == Freshness::Held);
        GroupInput {
            freshness: if held {
                Freshness::Held
            } else {
                Freshness::Gone
            },
            ..GroupInput::default()
        }
    }

    /// Those that are live in the group: the ones that have looked at it, or, if nobody has, all.
    fn taking_part(&self, group: &Name) -> Vec<&Voice> {
        let live = |voice: &&Voice| {
            let input = voice.input(group);
            input.is_some_and(|input| input.freshness == Freshness::Live)
        };
        let live: Vec<&Voice> = self.voices.iter().filter(live).collect();
        let looked: Vec<&Voice> = live
            .iter()
            .copied()
            .filter(|voice| voice.input(group).is_some_and(voice::is_settled))
            .collect();
        if looked.is_empty() { live } else { looked }
    }

    fn at(&self) -> Option<usize> {
        let in_charge = self.in_charge.as_ref()?;
        let mut voices = self.voices.iter();
        voices.position(|voice| voice.address == *in_charge)
    }

    fn voice(&mut self, gwm: &GwmAddress) -> Option<&mut Voice> {
        self.voices.iter_mut().find(|voice| voice.address == *gwm)
    }
}

#[cfg(test)]
mod tests;
