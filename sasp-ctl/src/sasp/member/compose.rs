//! Requests as messages: the LB flag never set, one group that has a name, one member.

use super::{Config, Pair, requests::Request};
use crate::sasp::{
    code::{Reason, VERSION, member_flags},
    msg::{
        Body, DeregistrationRequest, Group, GroupOf, Member, MemberState, Message,
        RegistrationRequest, SetMemberStateRequest,
    },
};

/// The sender is a member, not a balancer.
const FLAGS: u8 = 0;

/// The message of a request.
pub(super) fn compose(id: u32, request: Request, pair: &Pair, config: &Config) -> Message {
    let group = Group {
        lb_uid: pair.uid.clone(),
        name: pair.group.clone(),
    };
    let member = Member {
        key: config.key,
        label: config.label.clone(),
    };
    let body = match request {
        Request::Register => Body::RegistrationRequest(RegistrationRequest {
            flags: FLAGS,
            groups: vec![of_one(group, member)],
        }),
        Request::Deregister => Body::DeregistrationRequest(DeregistrationRequest {
            flags: FLAGS,
            reason: Reason::PURPOSEFUL,
            groups: vec![of_one(group, member)],
        }),
        Request::SetState(condition) => {
            let quiesce = if condition.quiesced {
                member_flags::QUIESCE
            } else {
                0
            };
            let state = MemberState {
                member,
                state: condition.state,
                flags: quiesce,
            };
            Body::SetMemberStateRequest(SetMemberStateRequest {
                flags: FLAGS,
                groups: vec![of_one(group, state)],
            })
        }
    };
    Message {
        version: VERSION,
        id,
        body,
    }
}

fn of_one<T>(group: Group, item: T) -> GroupOf<T> {
    GroupOf {
        group,
        items: vec![item],
    }
}
