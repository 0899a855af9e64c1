//! Who may speak for which LB UID, and what a balancer's first successful request does to its connection.

use std::time::Instant;

use super::balancer::{Balancer, Link};
use super::connection::{CloseReason, ConnectionId};
use super::member::Speaker;
use super::refusal::Refusal;
use super::{Event, Gwm};
use crate::sasp::msg::{Member, Name};

impl Gwm {
    /// Code 0x11 for anything but missing trust: may this connection speak for these LB UIDs?
    pub(super) fn may_speak<'a>(
        &self,
        id: ConnectionId,
        speaker: Speaker,
        uids: impl Iterator<Item = &'a Name>,
    ) -> Result<(), Refusal> {
        let Some(connection) = self.connections.get(&id) else {
            return Err(Refusal::OtherBalancer);
        };
        let mut spoken_for = connection.bound.as_ref();
        for uid in uids {
            Refusal::OtherBalancer.unless(spoken_for.is_none_or(|own| own == uid))?;
            match speaker {
                Speaker::Balancer => {
                    // One balancer is one UID: also a first message must not name two.
                    spoken_for = Some(uid);
                    self.policy.admission.admits_balancer(uid, connection)?;
                }
                Speaker::Member => self.policy.admission.admits_uid(uid)?,
            }
        }
        Ok(())
    }

    /// Code 0x11 if the operator wants members to speak for themselves only, or says who speaks for which, and this
    /// one speaks for others.
    pub(super) fn speaks_for_itself<'a>(
        &self,
        id: ConnectionId,
        speaker: Speaker,
        mut members: impl Iterator<Item = &'a Member>,
    ) -> Result<(), Refusal> {
        if speaker == Speaker::Balancer {
            return Ok(());
        }
        let Some(connection) = self.connections.get(&id) else {
            return Err(Refusal::MemberNamesAnother);
        };
        let (own, identity) = (connection.peer.ip(), connection.identity.as_ref());
        members.try_for_each(|member| {
            let address = member.key.address;
            let is_own = || address == own || identity.is_some_and(|known| known.is_at(address));
            Refusal::MemberNamesAnother
                .unless(!self.policy.members_speak_for_themselves || is_own())?;
            let rules = &self.policy.member_rules;
            let admitted = rules.iter().any(|rule| rule.admits(own, identity, address));
            Refusal::MemberNotAllowed.unless(rules.is_empty() || admitted)
        })
    }

    /// Codes 0x43 or 0x61, then 0x11 for missing trust.
    pub(super) fn is_known<'a>(
        &self,
        speaker: Speaker,
        mut uids: impl Iterator<Item = &'a Name> + Clone,
    ) -> Result<(), Refusal> {
        let all_known = uids.clone().all(|uid| self.balancers.contains_key(uid));
        match speaker {
            Speaker::Balancer => Refusal::UnknownLb.unless(all_known),
            Speaker::Member => {
                Refusal::LbNotContacted.unless(all_known)?;
                let trusts = |uid: &Name| self.balancers.get(uid).is_some_and(Balancer::trusts);
                Refusal::NoTrust.unless(uids.all(trusts))
            }
        }
    }

    /// Makes this connection the one that speaks for `uid`, creating its state if there is none. A connection
    /// that spoke for it until now is taken for broken (RFC 4678 section 9.1) and closed; the state stays.
    pub(super) fn bind(&mut self, id: ConnectionId, uid: &Name, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.bound.as_ref() == Some(uid) {
            return;
        }
        connection.bound = Some(uid.clone());
        connection.push_at = now + self.policy.interval;
        let peer = connection.peer;
        self.make_room_for(uid);
        let balancer = self
            .balancers
            .entry(uid.clone())
            .or_insert_with(|| Balancer::new(Link::Up(id)));
        let former = std::mem::replace(&mut balancer.link, Link::Up(id));
        balancer.forget_sent();
        let remembered_members = balancer.members();
        if let Link::Up(old) = former
            && let Some(replaced) = self.connections.get(&old).filter(|_| old != id)
        {
            let old_peer = replaced.peer;
            self.events.push_back(Event::BalancerReplaced {
                uid: uid.clone(),
                old: old_peer,
                new: peer,
            });
            self.close(old, CloseReason::Replaced, None, now);
        } else {
            self.events.push_back(Event::BalancerConnected {
                uid: uid.clone(),
                peer,
                remembered_members,
            });
        }
        self.wake_for_push(uid);
    }
}
