//! The codec against the RFC's own bytes, its own inverse, and lies.

mod lies;
mod properties;

use std::net::{IpAddr, Ipv4Addr};

use super::{
    super::{
        code::{Code, Reason, Type},
        msg::{
            Body, DeregistrationRequest, GetWeightsReply, GetWeightsRequest, Group, GroupOf,
            Member, MemberKey, Message, Name, RegistrationRequest, SendWeights, SetLbStateRequest,
            SetMemberStateRequest, WeightEntry,
        },
    },
    Decoded, EncodeError, Quirks, decode, encode, encode_within,
};

/// RFC 4678 section 8, byte for byte.
const RFC_SECTION_8: &str = "2010000d010000006a32000000\
    10350009000040 0001 40110006 0002 3011000e 034c4231 054641524d31\
    30100018 06 0050 0000000000000000000000000a0a0a01 00 30120008 00 0d 0028\
    30100018 06 0050 0000000000000000000000000a0a0a02 00 30120008 00 0d 0014";

pub(super) fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.replace(char::is_whitespace, "")).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

fn rfc_entry(last_octet: u8, weight: u16) -> WeightEntry {
    WeightEntry {
        member: Member {
            key: MemberKey {
                protocol: 6,
                port: 80,
                address: IpAddr::V4(Ipv4Addr::new(10, 10, 10, last_octet)),
            },
            label: Name::default(),
        },
        state: 0,
        flags: 0x0d,
        weight,
    }
}

#[test]
fn the_example_of_rfc_section_8_decodes_and_encodes_identically() {
    let message = Message {
        version: 1,
        id: 0x3200_0000,
        body: Body::GetWeightsReply(GetWeightsReply {
            code: Code::SUCCESS,
            interval: 64,
            groups: vec![GroupOf {
                group: Group {
                    lb_uid: name("LB1"),
                    name: name("FARM1"),
                },
                items: vec![rfc_entry(1, 40), rfc_entry(2, 20)],
            }],
        }),
    };
    let frame = bytes(RFC_SECTION_8);
    assert_eq!(frame.len(), 106);
    assert_eq!(
        decode(&frame),
        Ok(Decoded {
            message: message.clone(),
            quirks: Quirks::default()
        })
    );
    assert_eq!(encode(&message), Ok(frame));
}

/// Every request in its smallest form, as hexadecimal digits behind the header.
fn requests() -> Vec<(Body, &'static str)> {
    let group = || Group {
        lb_uid: name("L"),
        name: name("G"),
    };
    let members = || {
        vec![GroupOf {
            group: group(),
            items: vec![],
        }]
    };
    let (flags, reason) = (1, Reason::PURPOSEFUL);
    let registration = RegistrationRequest {
        flags,
        groups: members(),
    };
    let deregistration = DeregistrationRequest {
        flags,
        reason,
        groups: members(),
    };
    let get_weights = GetWeightsRequest {
        groups: vec![group()],
    };
    let lb_state = SetLbStateRequest {
        lb_uid: name("LB"),
        health: 0x7f,
        flags: 5,
    };
    let states = vec![GroupOf {
        group: group(),
        items: vec![],
    }];
    let member_state = SetMemberStateRequest {
        flags: 0,
        groups: states,
    };
    vec![
        (
            Body::RegistrationRequest(registration),
            "1010 0007 01 0001 4010 0006 0000 3011 0008 014c 0147",
        ),
        (
            Body::DeregistrationRequest(deregistration),
            "1020 0008 01 01 0001 4010 0006 0000 3011 0008 014c 0147",
        ),
        (
            Body::GetWeightsRequest(get_weights),
            "1030 0006 0001 3011 0008 014c 0147",
        ),
        (Body::SetLbStateRequest(lb_state), "1050 0009 024c42 7f 05"),
        (
            Body::SetMemberStateRequest(member_state),
            "1060 0007 00 0001 4012 0006 0000 3011 0008 014c 0147",
        ),
    ]
}

/// The same for everything that comes from the GWM.
fn replies() -> Vec<(Body, &'static str)> {
    let group = Group {
        lb_uid: name("L"),
        name: name("G"),
    };
    let weights = SendWeights {
        groups: vec![GroupOf {
            group,
            items: vec![],
        }],
    };
    let reply = GetWeightsReply {
        code: Code::UNKNOWN_LB,
        interval: 64,
        groups: vec![],
    };
    vec![
        (Body::RegistrationReply(Code::SUCCESS), "1015 0005 00"),
        (
            Body::DeregistrationReply(Code::UNKNOWN_GROUP),
            "1025 0005 42",
        ),
        (Body::GetWeightsReply(reply), "1035 0009 43 0040 0000"),
        (
            Body::SendWeights(weights),
            "1040 0006 0001 4011 0006 0000 3011 0008 014c 0147",
        ),
        (Body::SetLbStateReply(Code::SUCCESS), "1055 0005 00"),
        (
            Body::SetMemberStateReply(Code::UNKNOWN_MEMBER),
            "1065 0005 41",
        ),
    ]
}

#[test]
fn every_message_has_the_type_and_fields_of_rfc_section_7() {
    for (body, hex) in requests().into_iter().chain(replies()) {
        let kind = body.kind();
        let encoded = encode(&Message {
            version: 1,
            id: 7,
            body,
        })
        .unwrap();
        let (header, rest) = encoded.split_at(13);
        assert_eq!(rest, bytes(hex), "{kind}");
        let length = u8::try_from(encoded.len()).unwrap();
        assert_eq!(
            header,
            [0x20, 0x10, 0, 13, 1, 0, 0, 0, length, 0, 0, 0, 7],
            "{kind}"
        );
    }
}

#[test]
fn a_list_of_65536_groups_does_not_fit_its_count() {
    let group = Group {
        lb_uid: name("L"),
        name: name("G"),
    };
    let with = |groups| Message {
        version: 1,
        id: 1,
        body: Body::GetWeightsRequest(GetWeightsRequest { groups }),
    };
    assert!(encode(&with(vec![group.clone(); 65535])).is_ok());
    assert_eq!(
        encode(&with(vec![group; 65536])),
        Err(EncodeError::TooManyItems {
            of: Type::GET_WEIGHTS_REQUEST,
            count: 65536
        })
    );
}

#[test]
fn a_message_longer_than_the_header_can_say_is_refused() {
    let message = decode(&bytes(RFC_SECTION_8)).unwrap().message;
    assert!(encode_within(&message, 106).is_ok());
    assert_eq!(
        encode_within(&message, 105),
        Err(EncodeError::TooLong { limit: 105 })
    );
}
