//! Each way to lie has its own cause.

use super::{
    super::{
        super::{code::Type, frame::FrameError, msg::Body},
        Cause, DecodeError, decode,
    },
    bytes,
};

/// A message with a true header before `hex`.
fn frame(hex: &str) -> Vec<u8> {
    let body = bytes(hex);
    let length = u32::try_from(body.len() + 13).unwrap();
    [
        &bytes("2010 000d 01")[..],
        &length.to_be_bytes(),
        &bytes("00000007"),
        &body,
    ]
    .concat()
}

fn cause(hex: &str) -> Cause {
    decode(&frame(hex)).unwrap_err().cause
}

const GROUP: &str = "4010 0006 0001 3011 0008 014c 0147";
const MEMBER: &str = "3010 0018 06 0050 00000000000000000000000001020304 00";

#[test]
fn the_frame_that_the_lies_are_made_from_is_true() {
    assert!(decode(&frame(&format!("1010 0007 01 0001 {GROUP} {MEMBER}"))).is_ok());
}

#[test]
fn the_error_carries_what_a_reply_needs() {
    assert_eq!(
        decode(&frame("1030 0006 0001")),
        Err(DecodeError {
            kind: Some(Type::GET_WEIGHTS_REQUEST),
            version: 1,
            id: 7,
            cause: Cause::Missing {
                expected: Type::GROUP_DATA
            },
        })
    );
}

#[test]
fn another_version_is_found_before_anything_else_is_judged() {
    for version in [0, 2, 255] {
        let mut message = frame("1010 beef");
        message[4] = version;
        assert_eq!(
            decode(&message),
            Err(DecodeError {
                kind: Some(Type::REGISTRATION_REQUEST),
                version,
                id: 7,
                cause: Cause::Version(version),
            })
        );
    }
}

#[test]
fn a_component_length_that_is_not_that_of_its_own_fields_is_a_lie() {
    let lie = |of, told| Cause::ComponentLength { of, told };
    let cases = [
        (
            "1015 0006 00 00".to_owned(),
            lie(Type::REGISTRATION_REPLY, 6),
        ),
        ("1015 0004 00".to_owned(), lie(Type::REGISTRATION_REPLY, 4)),
        ("1015 0000 00".to_owned(), lie(Type::REGISTRATION_REPLY, 0)),
        // The cumulative length that the figures of the RFC suggest.
        (
            format!("1010 002e 01 0001 {GROUP} {MEMBER}"),
            Cause::Truncated,
        ),
        (
            format!("1010 002d 01 0001 {GROUP} {MEMBER}"),
            lie(Type::REGISTRATION_REQUEST, 0x2d),
        ),
        (
            "1030 0006 0001 3011 0009 014c 0147 00".to_owned(),
            lie(Type::GROUP_DATA, 9),
        ),
        // A string longer than its component.
        (
            "1030 0006 0001 3011 0008 014c 0247".to_owned(),
            lie(Type::GROUP_DATA, 8),
        ),
        ("1050 0008 014c 7f".to_owned(), Cause::Truncated),
        (
            "1050 0007 014c 7f 00".to_owned(),
            lie(Type::SET_LB_STATE_REQUEST, 7),
        ),
        (
            format!(
                "1010 0007 01 0001 {GROUP} {}",
                MEMBER.replace("0018", "0017")
            ),
            lie(Type::MEMBER_DATA, 0x17),
        ),
    ];
    for (hex, expected) in cases {
        assert_eq!(cause(&hex), expected, "{hex}");
    }
}

#[test]
fn a_count_that_is_not_the_number_of_items_is_a_lie() {
    let cases = [
        (
            format!("1010 0007 01 0002 {GROUP} {MEMBER}"),
            Cause::Missing {
                expected: Type::GROUP_OF_MEMBER_DATA,
            },
        ),
        (
            format!(
                "1010 0007 01 0001 {} {MEMBER}",
                GROUP.replace("0006 0001", "0006 0002")
            ),
            Cause::Missing {
                expected: Type::MEMBER_DATA,
            },
        ),
        (
            format!("1010 0007 01 0001 {GROUP} {MEMBER} {MEMBER}"),
            Cause::Surplus(Type::MEMBER_DATA),
        ),
        (
            format!("1010 0007 01 0000 {GROUP} {MEMBER}"),
            Cause::Surplus(Type::GROUP_OF_MEMBER_DATA),
        ),
        (
            format!("1010 0007 01 0002 {GROUP} {GROUP} {MEMBER}"),
            Cause::Misplaced {
                expected: Type::MEMBER_DATA,
                found: Type::GROUP_OF_MEMBER_DATA,
            },
        ),
    ];
    for (hex, expected) in cases {
        assert_eq!(cause(&hex), expected, "{hex}");
    }
}

#[test]
fn what_follows_the_message_is_named() {
    assert_eq!(
        cause("1015 0005 00 1055 0005 00"),
        Cause::SecondMessage(Type::SET_LB_STATE_REPLY)
    );
    assert_eq!(cause("1015 0005 00 2010"), Cause::Surplus(Type::HEADER));
    assert_eq!(cause("1015 0005 00 1099 0000"), Cause::TrailingBytes(4));
    assert_eq!(cause("1015 0005 00 10"), Cause::TrailingBytes(1));
}

#[test]
fn components_out_of_place_are_named() {
    let misplaced = |expected, found| Cause::Misplaced { expected, found };
    assert_eq!(cause("1070 0005 00"), Cause::UnknownMessage(Type(0x1070)));
    assert_eq!(
        cause("3010 0005 00"),
        Cause::UnknownMessage(Type::MEMBER_DATA)
    );
    assert_eq!(
        cause("1040 0006 0001 4010 0006 0000 3011 0008 014c 0147"),
        misplaced(Type::GROUP_OF_WEIGHT_ENTRY_DATA, Type::GROUP_OF_MEMBER_DATA)
    );
    assert_eq!(
        cause(&format!(
            "1040 0006 0001 {} {MEMBER} {MEMBER}",
            GROUP.replace("4010", "4011")
        )),
        misplaced(Type::WEIGHT_ENTRY, Type::MEMBER_DATA)
    );
}

#[test]
fn figure_11_is_accepted_in_set_member_state_only_and_counted() {
    let states = |group: &str| {
        decode(&frame(&format!(
            "1060 0007 01 0001 {group} 0006 0001 3011 0008 014c 0147 {MEMBER} 3013 0006 05 01"
        )))
        .unwrap()
    };
    let (right, figure) = (states("4012"), states("4011"));
    assert!(!right.quirks.figure_11);
    assert!(figure.quirks.figure_11);
    assert_eq!(right.message, figure.message);
    assert_eq!(
        cause(&format!(
            "1010 0007 01 0001 {} {MEMBER}",
            GROUP.replace("4010", "4011")
        )),
        Cause::Misplaced {
            expected: Type::GROUP_OF_MEMBER_DATA,
            found: Type::GROUP_OF_WEIGHT_ENTRY_DATA,
        }
    );
}

#[test]
fn a_mapped_ipv4_address_becomes_ipv4_and_is_counted() {
    let mapped = MEMBER.replace("000000000000000000000000", "00000000000000000000ffff");
    let decoded = decode(&frame(&format!("1010 0007 01 0001 {GROUP} {mapped}"))).unwrap();
    assert!(decoded.quirks.mapped_ipv4);
    let Body::RegistrationRequest(request) = decoded.message.body else {
        panic!()
    };
    assert_eq!(
        request.groups[0].items[0].key.address.to_string(),
        "1.2.3.4"
    );
}

#[test]
fn a_header_with_another_length_of_its_own_is_still_read_at_its_places() {
    for told in [0_u16, 12, 14, 269] {
        let mut message = frame("1030 0006 0000");
        message[2..4].copy_from_slice(&told.to_be_bytes());
        let of = Type::HEADER;
        assert_eq!(
            decode(&message),
            Err(DecodeError {
                kind: Some(Type::GET_WEIGHTS_REQUEST),
                version: 1,
                id: 7,
                cause: Cause::ComponentLength { of, told },
            })
        );
    }
}

#[test]
fn a_header_that_lies_about_the_length_is_refused() {
    let mut message = frame("1015 0005 00");
    message[8] = 19;
    assert_eq!(
        decode(&message).unwrap_err().cause,
        Cause::MessageLength {
            told: 19,
            actual: 18
        }
    );
    message[8] = 16;
    assert_eq!(
        decode(&message).unwrap_err().cause,
        Cause::Framing(FrameError::MessageLength(16))
    );
    assert_eq!(
        decode(&message[..12]).unwrap_err().cause,
        Cause::Framing(FrameError::MessageLength(16))
    );
    assert_eq!(decode(&[]).unwrap_err().cause, Cause::Truncated);
}

#[test]
fn a_count_of_65535_costs_nothing_without_the_bytes() {
    // Bounded by what is there: 65,535 groups are told a thousand times, none is read or reserved.
    for _ in 0..1000 {
        assert_eq!(
            cause("1040 0006 ffff 4011 0006 ffff"),
            Cause::Missing {
                expected: Type::GROUP_DATA
            }
        );
    }
}
