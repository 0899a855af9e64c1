//! Random messages for property tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::sasp::code::{Reason, VERSION};

/// Any whole message of our version.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    (any::<u32>(), body()).prop_map(|(id, body)| Message {
        version: VERSION,
        id,
        body,
    })
}

/// Any body.
pub(crate) fn body() -> impl Strategy<Value = Body> {
    let code = || any::<u8>().prop_map(Code);
    let members = || vec(group_of(member()), 0..4);
    let weights = || vec(group_of(weight_entry()), 0..4);
    prop_oneof![
        (any::<u8>(), members()).prop_map(|(flags, groups)| Body::RegistrationRequest(
            RegistrationRequest { flags, groups }
        )),
        code().prop_map(Body::RegistrationReply),
        (any::<u8>(), any::<u8>(), members()).prop_map(|(flags, reason, groups)| {
            let reason = Reason(reason);
            Body::DeregistrationRequest(DeregistrationRequest {
                flags,
                reason,
                groups,
            })
        }),
        code().prop_map(Body::DeregistrationReply),
        vec(group(), 0..4).prop_map(|groups| Body::GetWeightsRequest(GetWeightsRequest { groups })),
        (code(), any::<u16>(), weights()).prop_map(|(code, interval, groups)| {
            Body::GetWeightsReply(GetWeightsReply {
                code,
                interval,
                groups,
            })
        }),
        weights().prop_map(|groups| Body::SendWeights(SendWeights { groups })),
        (name(), any::<u8>(), any::<u8>()).prop_map(|(lb_uid, health, flags)| {
            Body::SetLbStateRequest(SetLbStateRequest {
                lb_uid,
                health,
                flags,
            })
        }),
        code().prop_map(Body::SetLbStateReply),
        (any::<u8>(), vec(group_of(member_state()), 0..4)).prop_map(|(flags, groups)| {
            Body::SetMemberStateRequest(SetMemberStateRequest { flags, groups })
        }),
        code().prop_map(Body::SetMemberStateReply),
    ]
}

/// Any member; addresses that the wire cannot tell apart from IPv4 do not occur as IPv6.
pub(crate) fn member() -> impl Strategy<Value = Member> {
    let address = prop_oneof![
        any::<[u8; 4]>().prop_map(|v4| IpAddr::V4(Ipv4Addr::from(v4))),
        any::<[u8; 16]>()
            .prop_map(Ipv6Addr::from)
            .prop_filter("not an IPv4 address", |v6| v6.to_ipv4().is_none())
            .prop_map(IpAddr::V6),
    ];
    (any::<u8>(), any::<u16>(), address, name()).prop_map(|(protocol, port, address, label)| {
        Member {
            key: MemberKey {
                protocol,
                port,
                address,
            },
            label,
        }
    })
}

fn weight_entry() -> impl Strategy<Value = WeightEntry> {
    (member(), any::<u8>(), any::<u8>(), any::<u16>()).prop_map(|(member, state, flags, weight)| {
        WeightEntry {
            member,
            state,
            flags,
            weight,
        }
    })
}

fn member_state() -> impl Strategy<Value = MemberState> {
    (member(), any::<u8>(), any::<u8>()).prop_map(|(member, state, flags)| MemberState {
        member,
        state,
        flags,
    })
}

fn group_of<T: std::fmt::Debug>(
    item: impl Strategy<Value = T>,
) -> impl Strategy<Value = GroupOf<T>> {
    (group(), vec(item, 0..5)).prop_map(|(group, items)| GroupOf { group, items })
}

fn group() -> impl Strategy<Value = Group> {
    (name(), name()).prop_map(|(lb_uid, name)| Group { lb_uid, name })
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![3 => vec(any::<u8>(), 0..8), 1 => vec(any::<u8>(), 0..=Name::MAX)]
        .prop_map(|bytes| Name::new(bytes).expect("at most 255 bytes were asked for"))
}
