//! Requests as messages.

use super::{config::Desired, requests::Request, view::View};
use crate::sasp::{
    code::{FLAG_LB, Reason, VERSION, member_flags},
    msg::{
        Body, DeregistrationRequest, GetWeightsRequest, Group, GroupOf, Member, MemberKey,
        MemberState, Message, Name, RegistrationRequest, SetLbStateRequest, SetMemberStateRequest,
    },
};

/// The message of a request. Labels come from `desired`; a member that is not there any more has none.
/// The last writer of a member's opaque state wins, so what `view` has of it is sent back.
pub(super) fn compose(
    id: u32,
    request: &Request,
    lb_uid: &Name,
    desired: &Desired,
    view: &View,
) -> Message {
    let (flags, reason) = (FLAG_LB, Reason::PURPOSEFUL);
    let body = match request {
        Request::SetLbState(state) => Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: lb_uid.clone(),
            health: state.health,
            flags: state.flags(),
        }),
        Request::GetWeights => {
            let groups = vec![all_groups(lb_uid)];
            Body::GetWeightsRequest(GetWeightsRequest { groups })
        }
        Request::Register { group, members } => {
            let items = members.iter().map(|key| member(*key, group, desired));
            let groups = vec![group_of(lb_uid, group, items)];
            Body::RegistrationRequest(RegistrationRequest { flags, groups })
        }
        Request::Deregister { group, members } => {
            let items = members.iter().map(|key| member(*key, group, desired));
            let groups = vec![group_of(lb_uid, group, items)];
            Body::DeregistrationRequest(DeregistrationRequest {
                flags,
                reason,
                groups,
            })
        }
        Request::DeregisterAll => {
            let groups = vec![GroupOf {
                group: all_groups(lb_uid),
                items: Vec::new(),
            }];
            Body::DeregistrationRequest(DeregistrationRequest {
                flags,
                reason,
                groups,
            })
        }
        Request::SetMemberState { group, quiesced } => {
            let items = quiesced.iter().map(|(key, quiesced)| MemberState {
                member: member(*key, group, desired),
                state: view.opaque_state(group, key),
                flags: if *quiesced { member_flags::QUIESCE } else { 0 },
            });
            let groups = vec![group_of(lb_uid, group, items)];
            Body::SetMemberStateRequest(SetMemberStateRequest { flags, groups })
        }
    };
    Message {
        version: VERSION,
        id,
        body,
    }
}

/// The empty name stands for all groups (RFC 4678 sections 7.2 and 7.3).
fn all_groups(lb_uid: &Name) -> Group {
    Group {
        lb_uid: lb_uid.clone(),
        name: Name::default(),
    }
}

fn group_of<T>(lb_uid: &Name, name: &Name, items: impl Iterator<Item = T>) -> GroupOf<T> {
    let group = Group {
        lb_uid: lb_uid.clone(),
        name: name.clone(),
    };
    GroupOf {
        group,
        items: items.collect(),
    }
}

fn member(key: MemberKey, group: &Name, desired: &Desired) -> Member {
    let wanted = desired
        .groups
        .get(group)
        .and_then(|members| members.get(&key));
    let label = wanted
        .map(|member| member.label.clone())
        .unwrap_or_default();
    Member { key, label }
}
