//! Requests in one line: groups as (LB UID, group name, last bytes of the members' addresses).

use super::*;
use crate::sasp::code::Reason;
use crate::sasp::msg::{
    DeregistrationRequest, GetWeightsRequest, MemberState, RegistrationRequest, SetLbStateRequest,
    SetMemberStateRequest,
};

pub(in super::super) type Block<'a> = (&'a str, &'a str, &'a [u8]);

fn group(uid: &str, group: &str) -> Group {
    Group {
        lb_uid: name(uid),
        name: name(group),
    }
}

fn blocks<T>(blocks: &[Block<'_>], item: impl Fn(u8) -> T) -> Vec<GroupOf<T>> {
    let block = |(uid, name, members): &Block<'_>| GroupOf {
        group: group(uid, name),
        items: members.iter().map(|byte| item(*byte)).collect(),
    };
    blocks.iter().map(block).collect()
}

pub(in super::super) fn register(flags: u8, groups: &[Block<'_>]) -> Body {
    let groups = blocks(groups, member);
    Body::RegistrationRequest(RegistrationRequest { flags, groups })
}

pub(in super::super) fn deregister(flags: u8, groups: &[Block<'_>]) -> Body {
    Body::DeregistrationRequest(DeregistrationRequest {
        flags,
        reason: Reason(0x80),
        groups: blocks(groups, member),
    })
}

pub(in super::super) fn get_weights(groups: &[(&str, &str)]) -> Body {
    let groups = groups.iter().map(|(uid, name)| group(uid, name)).collect();
    Body::GetWeightsRequest(GetWeightsRequest { groups })
}

pub(in super::super) fn set_lb_state(uid: &str, flags: u8) -> Body {
    Body::SetLbStateRequest(SetLbStateRequest {
        lb_uid: name(uid),
        health: 0x7f,
        flags,
    })
}

/// `state`: the opaque state and the flags of every member named.
pub(in super::super) fn set_member_state(flags: u8, state: (u8, u8), groups: &[Block<'_>]) -> Body {
    let groups = blocks(groups, |byte| MemberState {
        member: member(byte),
        state: state.0,
        flags: state.1,
    });
    Body::SetMemberStateRequest(SetMemberStateRequest { flags, groups })
}
