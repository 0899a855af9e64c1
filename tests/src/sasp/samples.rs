//! Every message that SASP has, in the shapes that a dissector may trip over.

use sasp_ctl::sasp::{
    code::{Code, FLAG_LB, Reason, VERSION, lb_flags, member_flags, weight_flags},
    msg::{
        Body, DeregistrationRequest, GetWeightsReply, GetWeightsRequest, Group, GroupOf, Member,
        MemberKey, MemberState, Message, Name, RegistrationRequest, SendWeights, SetLbStateRequest,
        SetMemberStateRequest, WeightEntry,
    },
};

/// A name.
///
/// # Panics
/// If it is longer than 255 bytes.
pub fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).expect("test names are short")
}

/// A group of the balancer `edge-1`.
///
/// # Panics
/// If the name is longer than 255 bytes.
pub fn group(text: &str) -> Group {
    Group {
        lb_uid: name("edge-1"),
        name: name(text),
    }
}

/// IPv4, IPv6, system level, and the longest label.
fn members() -> Vec<Member> {
    let long = "x".repeat(255);
    [
        (6, 80, "10.10.10.1", ""),
        (17, 53, "192.0.2.255", "dns"),
        (6, 443, "2001:db8::1", "web"),
        (0, 0, "10.10.10.2", long.as_str()),
        (
            255,
            65535,
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "édge",
        ),
    ]
    .map(|(protocol, port, address, label)| Member {
        key: MemberKey {
            protocol,
            port,
            address: address.parse().expect("a valid address"),
        },
        label: name(label),
    })
    .to_vec()
}

fn weights() -> Vec<WeightEntry> {
    let flags = weight_flags::CONTACT | weight_flags::REGISTERED_BY_LB | weight_flags::CONFIDENT;
    members()
        .into_iter()
        .zip([0, 1, 64, 40_000, 65_535])
        .map(|(member, weight)| WeightEntry {
            member,
            state: 7,
            flags,
            weight,
        })
        .collect()
}

fn states() -> Vec<MemberState> {
    let flags = member_flags::QUIESCE;
    members()
        .into_iter()
        .map(|member| MemberState {
            member,
            state: 255,
            flags,
        })
        .collect()
}

/// No group, an empty one, one with a single item, several with many.
fn shapes<T: Clone>(items: &[T]) -> Vec<Vec<GroupOf<T>>> {
    let of = |text: &str, items: &[T]| GroupOf {
        group: group(text),
        items: items.to_vec(),
    };
    vec![
        vec![],
        vec![of("EMPTY", &[])],
        vec![of("FARM1", &items[..1])],
        vec![
            of("FARM1", items),
            of("", &[]),
            of(&"g".repeat(255), items),
            of("FARM2", &items[2..]),
        ],
    ]
}

fn bodies() -> Vec<Body> {
    let mut bodies = Vec::new();
    for code in [
        Code::SUCCESS,
        Code::NOT_UNDERSTOOD,
        Code::LB_NOT_CONTACTED,
        Code(0xff),
    ] {
        bodies.extend([
            Body::RegistrationReply(code),
            Body::DeregistrationReply(code),
            Body::SetLbStateReply(code),
            Body::SetMemberStateReply(code),
        ]);
    }
    for groups in shapes(&members()) {
        for (flags, reason) in [
            (FLAG_LB, Reason::PURPOSEFUL),
            (0, Reason::NONE),
            (0, Reason(0x80)),
        ] {
            let groups = groups.clone();
            bodies.push(Body::RegistrationRequest(RegistrationRequest {
                flags,
                groups: groups.clone(),
            }));
            bodies.push(Body::DeregistrationRequest(DeregistrationRequest {
                flags,
                reason,
                groups,
            }));
        }
        let groups = groups.into_iter().map(|of| of.group).collect();
        bodies.push(Body::GetWeightsRequest(GetWeightsRequest { groups }));
    }
    for groups in shapes(&weights()) {
        bodies.push(Body::SendWeights(SendWeights {
            groups: groups.clone(),
        }));
        let (code, interval) = (Code::SUCCESS, 64);
        bodies.push(Body::GetWeightsReply(GetWeightsReply {
            code,
            interval,
            groups,
        }));
    }
    for groups in shapes(&states()) {
        let flags = FLAG_LB;
        bodies.push(Body::SetMemberStateRequest(SetMemberStateRequest {
            flags,
            groups,
        }));
    }
    for lb_uid in ["", "edge-1", &"u".repeat(64), &"u".repeat(255)] {
        bodies.push(Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: name(lb_uid),
            health: 0x7f,
            flags: lb_flags::PUSH | lb_flags::TRUST | lb_flags::NO_CHANGE,
        }));
    }
    bodies
}

/// Every kind of message with every shape that it can take; no two have the same id.
pub fn messages() -> Vec<Message> {
    let ids = (0..).map(|id: u32| id.wrapping_mul(0x9e37_79b9));
    ids.zip(bodies())
        .map(|(id, body)| Message {
            version: VERSION,
            id,
            body,
        })
        .collect()
}
