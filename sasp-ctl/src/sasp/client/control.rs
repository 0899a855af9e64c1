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
    /// This connection has given a complete answer.
    read_back: bool,
    /// Groups whose registration was refused, and when to try again.
    refused: BTreeMap<Name, Instant>,
    /// Groups of which a part is registered although we did not know; true: asking did not help, go one by one.
    contested: BTreeMap<Name, bool>,
    quiesced: BTreeMap<(Name, MemberKey), Told>,
    /// Registrations in a row that were answered "unknown LB".
    forgotten: u8,
    leaving: bool,
}

impl Control {
    pub(super) fn new(desired: Desired) -> Self {
        Self {
            desired,
            told: None,
            known: None,
            met: false,
            read_back: false,
            refused: BTreeMap::new(),
            contested: BTreeMap::new(),
            quiesced: BTreeMap::new(),
            forgotten: 0,
            leaving: false,
        }
    }

    /// Wants something else from now on.
    pub(super) fn set_desired(&mut self, desired: Desired) {
        self.desired = desired;
        self.refused.clear();
    }

    /// Wants nothing any more, and the GWM shall hear it.
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
        self.forgotten = 0;
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
        let groups = self
            .known
            .iter()
            .flatten()
            .filter(|(_, members)| !members.is_empty());
        groups.fold((0, 0), |(groups, all), (_, members)| {
            (groups + 1, all + members.len())
        })
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
        if self.leaving {
            return vec![Request::DeregisterAll];
        }
        if self.told != Some(self.desired.lb_state) {
            return vec![Request::SetLbState(self.desired.lb_state)];
        }
        self.refused.retain(|_, retry_at| now < *retry_at);
        self.forget_guests_that_left(&lists);
        let Some(known) = &self.known else {
            return vec![Request::GetWeights];
        };
        let mut requests: Vec<_> = self.gone(known).chain(self.missing(known)).collect();
        if requests.is_empty() {
            self.contested.clear();
            requests.extend(self.quiesces(known));
            requests.extend(self.guest_quiesces(&lists));
        }
        requests
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
        let one_by_one = self.contested.get(group) == Some(&true);
        let size = if one_by_one { 1 } else { MEMBERS_PER_REQUEST };
        let keys: Vec<_> = keys.copied().collect();
        keys.chunks(size)
            .map(<[_]>::to_vec)
            .collect::<Vec<_>>()
            .into_iter()
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
            requests.extend(changed.chunks(MEMBERS_PER_REQUEST).map(|quiesced| {
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
        if !self.met {
            self.inherit_quiesces(said);
        }
        self.known = Some(self.ours(said));
    }

    /// Takes what a message with weights says about who is registered. Before a connection's first complete answer
    /// it says nothing: to register what is there already does no harm (0x40), to take for registered what a push
    /// only mentions would.
    pub(super) fn hear(&mut self, said: &Said, scope: Scope) {
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
