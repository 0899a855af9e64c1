//! Requests as messages.

use std::collections::BTreeMap;

use super::{
    config::{Desired, DesiredMember},
    requests::Request,
    view::View,
};
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
    let group = |name: &Name| Group {
        lb_uid: lb_uid.clone(),
        name: name.clone(),
    };
    let all_groups = || group(&Name::default());
    let members = |name: &Name, keys: &[MemberKey]| {
        let wanted = desired.groups.get(name);
        let items = keys.iter().map(|key| member(*key, wanted)).collect();
        vec![GroupOf {
            group: group(name),
            items,
        }]
    };
    let (flags, reason) = (FLAG_LB, Reason::PURPOSEFUL);
    let body = match request {
        Request::SetLbState(state) => Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: lb_uid.clone(),
            health: state.health,
            flags: state.flags(),
        }),
        Request::GetWeights => Body::GetWeightsRequest(GetWeightsRequest {
            groups: vec![all_groups()],
        }),
        Request::Register {
            group,
            members: keys,
        } => {
            let groups = members(group, keys);
            Body::RegistrationRequest(RegistrationRequest { flags, groups })
        }
        Request::Deregister {
            group,
            members: keys,
        } => {
            let groups = members(group, keys);
            Body::DeregistrationRequest(DeregistrationRequest {
                flags,
                reason,
                groups,
            })
        }
        Request::DeregisterAll => {
            let groups = vec![GroupOf {
                group: all_groups(),
                items: Vec::new(),
            }];
            Body::DeregistrationRequest(DeregistrationRequest {
                flags,
                reason,
                groups,
            })
        }
        Request::SetMemberState {
            group: name,
            quiesced,
        } => {
            let wanted = desired.groups.get(name);
            let items = quiesced.iter().map(|(key, quiesced)| MemberState {
                member: member(*key, wanted),
                state: view.opaque_state(name, key),
                flags: if *quiesced { member_flags::QUIESCE } else { 0 },
            });
            let groups = vec![GroupOf {
                group: group(name),
                items: items.collect(),
            }];
            Body::SetMemberStateRequest(SetMemberStateRequest { flags, groups })
        }
    };
    Message {
        version: VERSION,
        id,
        body,
    }
}

fn member(key: MemberKey, wanted: Option<&BTreeMap<MemberKey, DesiredMember>>) -> Member {
    let label = wanted
        .and_then(|wanted| wanted.get(&key))
        .map(|member| member.label.clone());
    Member {
        key,
        label: label.unwrap_or_default(),
    }
}
