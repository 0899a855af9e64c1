//! Members that have registered themselves: ours to quiesce, not to register.

use super::{Control, Told};
use crate::sasp::{
    client::requests::Request,
    msg::{MemberKey, Name},
};

impl Control {
    /// What the GWM is still to be told of guests that it lists: one request each, since one that leaves just now makes
    /// the GWM refuse all of its request.
    pub(super) fn guest_quiesces(&self, lists: impl Fn(&Name, &MemberKey) -> bool) -> Vec<Request> {
        let wanted = &self.desired.quiesced_guests;
        let quiesce = wanted
            .iter()
            .filter(|guest| self.quiesced.get(*guest) != Some(&Told::Quiesced))
            .map(|guest| (guest, true));
        let resume = self
            .quiesced
            .iter()
            .filter(|(member, told)| {
                **told != Told::ResumedInVain && !self.is_ours(member) && !wanted.contains(*member)
            })
            .map(|(guest, _)| (guest, false));
        quiesce
            .chain(resume)
            .filter(|((group, key), _)| lists(group, key))
            .map(|((group, key), quiesced)| Request::SetMemberState {
                group: group.clone(),
                quiesced: vec![(*key, quiesced)],
            })
            .collect()
    }

    /// A guest that leaves takes along what the GWM was told of it.
    pub(super) fn forget_guests_that_left(&mut self, lists: impl Fn(&Name, &MemberKey) -> bool) {
        if !self.read_back {
            return;
        }
        let desired = &self.desired;
        self.quiesced.retain(|(group, key), _| {
            let ours = desired.groups.get(group);
            ours.is_none_or(|ours| ours.contains_key(key)) || lists(group, key)
        });
    }

    /// We register it, or its group is none of ours.
    fn is_ours(&self, (group, key): &(Name, MemberKey)) -> bool {
        let ours = self.desired.groups.get(group);
        ours.is_none_or(|ours| ours.contains_key(key))
    }
}
