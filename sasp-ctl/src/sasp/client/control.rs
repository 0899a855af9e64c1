//! The difference between what we want the GWM to know and what it knows, as requests.
//!
//! There is no script of a session: first registration, reconnection, reload and a GWM that has forgotten us are
//! all the same question, asked again whenever nothing is under way: what is missing? Nothing is ever removed in
//! order to be registered anew, because a GWM then starts its weights from nothing.

mod guests;
mod reply;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::{
    config::{Desired, LbState},
    requests::Request,
    view::{Said, Scope},
};
use crate::sasp::msg::{MemberKey, Name};

pub(super) use reply::Outcome;

/// Keeps a request below 1 MiB, which is what a GWM may be expected to take, even with the longest labels.
const MEMBERS_PER_REQUEST: usize = 1000;

/// What the GWM was last told about a member's quiesce flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Told {
    Quiesced,
    /// To take new work again, which the GWM refused; not to be repeated on this connection.
    ResumedInVain,
    /// Something, on an earlier connection; the GWM may have forgotten.
    Once,
}

/// What is wanted, what is known, and what was refused.
#[derive(Debug)]
pub(super) struct Control {
    desired: Desired,
    /// The LB state that this connection has been told.
    told: Option<LbState>,
    /// What the GWM has of ours; `None`: it must be asked.
    known: Option<BTreeMap<Name, BTreeSet<MemberKey>>>,
    /// There was a session before: the GWM may remember.
    met: bool,
    /// Some connection has given a complete answer, and with it what an earlier balancer of our name left behind.
    has_inherited: bool,
    /// This connection has given a complete answer.
    read_back: bool,
    /// Groups whose registration was refused, and when to try again.
    refused: BTreeMap<Name, Instant>,
    /// Groups of which a part is not what we thought; true: asking did not or would not help, go one by one.
    contested: BTreeMap<Name, bool>,
    quiesced: BTreeMap<(Name, MemberKey), Told>,
    /// Registrations in a row that were answered "unknown LB".
    forgotten: u8,
    /// Polls in a row that were refused, without any weights meanwhile.
    vain_polls: u8,
    leaving: bool,
}

impl Control {
    pub(super) fn new(desired: Desired) -> Self {
        Self {
            desired,
            told: None,
            known: None,
            met: false,
            has_inherited: false,
            read_back: false,
            refused: BTreeMap::new(),
            contested: BTreeMap::new(),
            quiesced: BTreeMap::new(),
            forgotten: 0,
            vain_polls: 0,
            leaving: false,
        }
    }

    /// Wants something else from now on.
    pub(super) fn set_desired(&mut self, desired: Desired) {
        self.desired = desired;
        self.refused.clear();
    }

    /// Wants nothing any more, and the GWM is told so.
    pub(super) fn leave(&mut self) {
        self.leaving = true;
    }

    /// Takes [`Control::leave`] back.
    pub(super) fn stay(&mut self) {
        self.leaving = false;
    }

    /// Starts a connection. The first one ever registers at once; later ones ask what the GWM still has.
    pub(super) fn connected(&mut self) {
        self.told = None;
        self.known = (!self.met).then(BTreeMap::new);
        self.read_back = false;
        self.refused.clear();
        self.contested.clear();
        (self.forgotten, self.vain_polls) = (0, 0);
        self.quiesced
            .values_mut()
            .for_each(|told| *told = Told::Once);
    }

    /// Everything wanted is known to the GWM.
    pub(super) fn synced(&mut self) {
        self.met = true;
    }

    pub(super) fn desired(&self) -> &Desired {
        &self.desired
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// The GWM has a member of ours in this group.
    pub(super) fn knows_of(&self, group: &Name) -> bool {
        let known = self.known.as_ref().and_then(|known| known.get(group));
        known.is_some_and(|members| !members.is_empty())
    }

    /// Groups that the GWM has of ours, and members in them.
    pub(super) fn registered(&self) -> (usize, usize) {
        let sizes = || {
            let groups = self.known.iter().flatten();
            groups
                .map(|(_, members)| members.len())
                .filter(|size| *size > 0)
        };
        (sizes().count(), sizes().sum())
    }

    /// True if absence from this connection's messages means "unchanged".
    pub(super) fn omits_unchanged(&self) -> bool {
        self.told.is_some_and(LbState::omits_unchanged)
    }

    /// The next answer to Get Weights tells who is registered.
    pub(super) fn must_read_back(&self) -> bool {
        self.known.is_none() || !self.read_back
    }

    /// This connection has answered Get Weights before.
    pub(super) fn has_read_back(&self) -> bool {
        self.read_back
    }

    /// When a refused registration is tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.refused.values().min().copied()
    }

    /// The next requests; to be asked only while no other request of ours is under way. None: all is told.
    /// `lists` tells whether the GWM has a member, as far as it has said so on this connection.
    pub(super) fn next(
        &mut self,
        now: Instant,
        lists: impl Fn(&Name, &MemberKey) -> bool,
    ) -> Vec<Request> {
        let lb_state = self.next_lb_state();
        if self.told != Some(lb_state) {
            return vec![Request::SetLbState(lb_state)];
        }
        self.refused.retain(|_, retry_at| now < *retry_at);
        self.forget_guests_that_left(&lists);
        let Some(known) = &self.known else {
            return vec![Request::GetWeights];
        };
        let mut requests: Vec<_> = self.gone(known).chain(self.missing(known)).collect();
        if requests.is_empty() {
            requests.extend(self.quiesces(known));
            requests.extend(self.guest_quiesces(&lists));
        }
        if requests.is_empty() {
            self.contested.clear();
        }
        requests
    }

    /// What Set LB State is to say now. No-Change comes after a complete answer if members were trusted on this
    /// connection: they may have left by themselves, and under No-Change nobody would ever say so.
    fn next_lb_state(&self) -> LbState {
        let wanted = self.desired.lb_state;
        let after_trust = |told: LbState| told.trust || (!told.no_change && self.known.is_none());
        LbState {
            no_change: wanted.omits_unchanged() && !self.told.is_some_and(after_trust),
            ..wanted
        }
    }

    fn gone(&self, known: &BTreeMap<Name, BTreeSet<MemberKey>>) -> impl Iterator<Item = Request> {
        known
            .iter()
            .flat_map(|(group, members)| match self.desired.groups.get(group) {
                None => vec![Request::Deregister {
                    group: group.clone(),
                    members: Vec::new(),
                }],
                Some(wanted) => {
                    let gone = members.iter().filter(|key| !wanted.contains_key(key));
                    self.chunks(group, gone)
                        .map(|members| Request::Deregister {
                            group: group.clone(),
                            members,
                        })
                        .collect()
                }
            })
    }

    fn missing(
        &self,
        known: &BTreeMap<Name, BTreeSet<MemberKey>>,
    ) -> impl Iterator<Item = Request> {
        let groups = self
            .desired
            .groups
            .iter()
            .filter(|(g, _)| !self.refused.contains_key(*g));
        groups.flat_map(|(group, wanted)| {
            let has = |key: &MemberKey| known.get(group).is_some_and(|known| known.contains(key));
            let missing = wanted.keys().filter(|key| !has(key));
            self.chunks(group, missing)
                .map(|members| Request::Register {
                    group: group.clone(),
                    members,
                })
                .collect::<Vec<_>>()
        })
    }

    fn chunks<'a>(
        &self,
        group: &Name,
        keys: impl Iterator<Item = &'a MemberKey>,
    ) -> impl Iterator<Item = Vec<MemberKey>> {
        let keys: Vec<_> = keys.copied().collect();
        keys.chunks(self.chunk_size(group))
            .map(<[_]>::to_vec)
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Members of this group in one request.
    fn chunk_size(&self, group: &Name) -> usize {
        match self.contested.get(group) {
            Some(true) => 1,
            Some(false) | None => MEMBERS_PER_REQUEST,
        }
    }

    fn quiesces(&self, known: &BTreeMap<Name, BTreeSet<MemberKey>>) -> Vec<Request> {
        let mut requests = Vec::new();
        for (group, wanted) in &self.desired.groups {
            let Some(known) = known.get(group) else {
                continue;
            };
            let changed: Vec<_> = wanted
                .iter()
                .filter(|(key, _)| known.contains(key))
                .filter(|(key, member)| {
                    let told = self.quiesced.get(&(group.clone(), **key));
                    match told {
                        Some(Told::Quiesced) => !member.quiesced,
                        Some(Told::Once) => true,
                        Some(Told::ResumedInVain) | None => member.quiesced,
                    }
                })
                .map(|(key, member)| (*key, member.quiesced))
                .collect();
            requests.extend(changed.chunks(self.chunk_size(group)).map(|quiesced| {
                Request::SetMemberState {
                    group: group.clone(),
                    quiesced: quiesced.to_vec(),
                }
            }));
        }
        requests
    }

    /// Takes an answer to Get Weights as all that the GWM has of us.
    pub(super) fn read_back(&mut self, said: &Said) {
        self.read_back = true;
        if !self.has_inherited {
            self.has_inherited = true;
            self.inherit_quiesces(said);
        }
        self.known = Some(self.ours(said));
    }

    /// Takes what a message with weights says about who is registered. Before a connection's first complete answer
    /// it says nothing: to register what is there already does no harm (0x40), to take for registered what a push
    /// only mentions would.
    pub(super) fn hear(&mut self, said: &Said, scope: Scope) {
        if said
            .keys()
            .any(|group| self.desired.groups.contains_key(group))
        {
            self.vain_polls = 0;
        }
        let Some(known) = self.known.as_mut().filter(|_| self.read_back) else {
            return;
        };
        if scope == Scope::Everything {
            known.retain(|group, _| said.contains_key(group));
        }
        for (group, said) in said {
            let Some(wanted) = self.desired.groups.get(group) else {
                continue;
            };
            let known = known.entry(group.clone()).or_default();
            if scope == Scope::Everything {
                known.retain(|key| said.contains_key(key));
            }
            known.extend(said.keys().filter(|key| wanted.contains_key(key)));
        }
    }

    /// Takes note of members that the GWM was told to quiesce and that work: they have left and come back by themselves
    /// meanwhile. Asked for answers to polls only, so that a GWM that does not quiesce is not told in a tight loop.
    pub(super) fn check_quiesces(&mut self, said: &Said) {
        for ((group, key), told) in &mut self.quiesced {
            let weight = said.get(group).and_then(|said| said.get(key));
            if *told == Told::Quiesced && weight.is_some_and(|weight| !weight.quiesce) {
                *told = Told::Once;
            }
        }
    }

    /// Before our time a balancer of our name may have quiesced what now shall work.
    /// A member's own wish is not touched by that: the GWM keeps the two apart.
    fn inherit_quiesces(&mut self, said: &Said) {
        let quiesced = said.iter().flat_map(|(group, said)| {
            let quiesced = said.iter().filter(|(_, weight)| weight.quiesce);
            quiesced.map(|(key, _)| (group.clone(), *key))
        });
        for member in quiesced {
            self.quiesced.entry(member).or_insert(Told::Once);
        }
    }

    /// What is ours in a complete answer: what a balancer of our name registered, and what we want anyway.
    fn ours(&self, said: &Said) -> BTreeMap<Name, BTreeSet<MemberKey>> {
        said.iter()
            .map(|(group, said)| {
                let wanted = self.desired.groups.get(group);
                let is_wanted = |key| wanted.is_some_and(|wanted| wanted.contains_key(key));
                let ours = said
                    .iter()
                    .filter(|(key, weight)| weight.by_lb || is_wanted(key));
                (group.clone(), ours.map(|(key, _)| *key).collect())
            })
            .filter(|(_, members): &(_, BTreeSet<_>)| !members.is_empty())
            .collect()
    }
}
