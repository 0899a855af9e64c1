//! How far a member is from having no flows left.

use serde::Serialize;

use super::Balancer;
use super::member::Member;
use super::service::Service;
use crate::sasp::msg::{MemberKey, Name};

/// What still binds a member, over all services of its group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Drain {
    /// Live flows that the last sweep found remembered for it, or translated to it.
    pub flows: u64,
    /// Slots that it owns: their new flows are its own.
    pub slots: usize,
    /// Slots that it owned when they last settled, where flows that have been silent since may still be its own although
    /// nobody remembers them.
    pub fresh_slots: usize,
    /// In at most so many seconds the last of these has settled, unless its owner changes again.
    pub fresh_seconds: u64,
}

impl Drain {
    /// Nothing is left.
    pub fn is_over(&self) -> bool {
        self.flows == 0 && self.slots == 0 && self.fresh_slots == 0
    }
}

impl Balancer {
    /// See [`Drain`]; all zero for a member that there is not.
    pub fn drain(&self, group: &Name, member: &MemberKey, now_ns: u64) -> Drain {
        self.members(group, member)
            .fold(Drain::default(), |drain, (service, member)| {
                let (fresh, seconds) =
                    service
                        .slots
                        .fresh_of(member.index, now_ns, service.idle_ns());
                let table = service.slots.table().iter();
                Drain {
                    flows: drain.flows + member.remembered + member.translated,
                    slots: drain.slots + table.filter(|slot| slot.cur() == member.index).count(),
                    fresh_slots: drain.fresh_slots + fresh,
                    fresh_seconds: drain.fresh_seconds.max(seconds.into()),
                }
            })
    }

    fn members(&self, group: &Name, key: &MemberKey) -> impl Iterator<Item = (&Service, &Member)> {
        self.services
            .values()
            .filter(move |service| service.spec.group == *group)
            .flat_map(move |service| {
                let members = service.members.iter();
                members
                    .filter(move |member| member.key == *key)
                    .map(move |member| (service, member))
            })
    }
}
