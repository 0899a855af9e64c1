mod damage;
mod properties;
mod streams;

use crate::inspect::conversation::Conversation;
use crate::inspect::{Inspection, Level, inspect, json, text};
use crate::sasp::code::{Code, FLAG_LB, Reason, VERSION, lb_flags, member_flags, weight_flags};
use crate::sasp::codec::encode;
use crate::sasp::msg::{
    Body, DeregistrationRequest, GetWeightsReply, GetWeightsRequest, Group, GroupOf, Member,
    MemberState, Message, Name, RegistrationRequest, SendWeights, SetLbStateRequest,
    SetMemberStateRequest, WeightEntry,
};

/// RFC 4678 section 8, byte for byte.
const RFC_SECTION_8: &str = "2010000d010000006a32000000\
    10350009000040 0001 40110006 0002 3011000e 034c4231 054641524d31\
    30100018 06 0050 0000000000000000000000000a0a0a01 00 30120008 00 0d 0028\
    30100018 06 0050 0000000000000000000000000a0a0a02 00 30120008 00 0d 0014";

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex.replace(char::is_whitespace, "")).unwrap()
}

fn name(bytes: &[u8]) -> Name {
    Name::new(bytes).unwrap()
}

fn group(of: &str) -> Group {
    Group {
        lb_uid: name(b"edge-1"),
        name: name(of.as_bytes()),
    }
}

fn member(key: &str, label: &[u8]) -> Member {
    Member {
        key: crate::config::member_key::parse(key).unwrap(),
        label: name(label),
    }
}

fn members() -> Vec<GroupOf<Member>> {
    let items = vec![
        member("10.0.0.1:80", b"web \xff"),
        member("[2001:db8::1]:53/udp", "d\u{fc}n\n".as_bytes()),
        member("10.0.0.2", b""),
    ];
    let (group, other) = (group("FARM1"), group("FARM2"));
    vec![
        GroupOf { group, items },
        GroupOf {
            group: other,
            items: vec![],
        },
    ]
}

fn weights() -> Vec<GroupOf<WeightEntry>> {
    use weight_flags::{CONFIDENT, CONTACT, QUIESCE, REGISTERED_BY_LB};
    let entry = |key, flags, weight| WeightEntry {
        member: member(key, b"web"),
        state: 7,
        flags,
        weight,
    };
    vec![GroupOf {
        group: group("FARM1"),
        items: vec![
            entry("10.0.0.1:80", CONTACT | REGISTERED_BY_LB | CONFIDENT, 40),
            entry("10.0.0.2:80", QUIESCE, 0),
            entry("10.0.0.3:80", 0, 65_535),
        ],
    }]
}

/// One message of every type.
fn bodies() -> Vec<Body> {
    let states = vec![GroupOf {
        group: group("FARM1"),
        items: vec![MemberState {
            member: member("10.0.0.1:80", b""),
            state: 255,
            flags: member_flags::QUIESCE,
        }],
    }];
    vec![
        Body::RegistrationRequest(RegistrationRequest {
            flags: FLAG_LB,
            groups: members(),
        }),
        Body::RegistrationReply(Code::MEMBER_ALREADY_REGISTERED),
        Body::DeregistrationRequest(DeregistrationRequest {
            flags: 0,
            reason: Reason::PURPOSEFUL,
            groups: members(),
        }),
        Body::DeregistrationReply(Code::SUCCESS),
        Body::GetWeightsRequest(GetWeightsRequest {
            groups: vec![group("")],
        }),
        Body::GetWeightsReply(GetWeightsReply {
            code: Code::SUCCESS,
            interval: 64,
            groups: weights(),
        }),
        Body::SendWeights(SendWeights { groups: weights() }),
        Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: name(b"edge-1"),
            health: 0x7f,
            flags: lb_flags::PUSH | lb_flags::NO_CHANGE,
        }),
        Body::SetLbStateReply(Code(0x99)),
        Body::SetMemberStateRequest(SetMemberStateRequest {
            flags: FLAG_LB,
            groups: states,
        }),
        Body::SetMemberStateReply(Code::UNKNOWN_MEMBER),
    ]
}

fn frame(id: u32, body: Body) -> Vec<u8> {
    encode(&Message {
        version: VERSION,
        id,
        body,
    })
    .unwrap()
}

fn as_text(inspection: &Inspection) -> String {
    let mut all = text::title(inspection) + "\n";
    for line in text::lines(inspection) {
        all.push_str(&line);
        all.push('\n');
    }
    all
}

/// The RFC's example, then every message.
fn samples() -> Vec<Vec<u8>> {
    let every = (0..).zip(bodies()).map(|(id, body)| frame(id, body));
    std::iter::once(bytes(RFC_SECTION_8)).chain(every).collect()
}

/// The first difference, not both texts whole.
fn assert_lines(actual: &str, expected: &str) {
    for (number, (actual, expected)) in (1..).zip(actual.lines().zip(expected.lines())) {
        assert_eq!(actual, expected, "line {number}");
    }
    assert_eq!(actual.lines().count(), expected.lines().count());
}

#[test]
fn every_message_reads_as_text_as_it_did() {
    let text: Vec<_> = samples()
        .iter()
        .map(|frame| as_text(&inspect(frame)))
        .collect();
    assert_lines(&text.join("\n"), include_str!("tests/every_message.txt"));
}

#[test]
fn every_message_reads_as_json_as_it_did() {
    let json: Vec<_> = samples()
        .iter()
        .map(|frame| serde_json::to_string(&json::message(&inspect(frame))).unwrap())
        .collect();
    assert_lines(&json.join("\n"), include_str!("tests/every_message.json"));
}

fn hear(conversation: &mut Conversation, id: u32, body: Body) -> (Option<String>, Vec<String>) {
    let mut inspection = inspect(&frame(id, body));
    let before = inspection.remarks.len();
    let answer = conversation.hear(&mut inspection, None);
    let remarks = inspection.remarks[before..]
        .iter()
        .map(|remark| remark.text.clone());
    (
        answer.map(|answer| answer.to.to_string()),
        remarks.collect(),
    )
}

fn set_lb_state() -> Body {
    bodies().swap_remove(7)
}

fn set_member_state() -> Body {
    bodies().swap_remove(9)
}

#[test]
fn a_reply_is_told_by_its_id_even_with_the_type_of_figures_20_and_22() {
    let mut conversation = Conversation::default();
    let success = Code::SUCCESS;
    hear(&mut conversation, 1, set_lb_state());
    hear(&mut conversation, 2, set_member_state());
    assert_eq!(conversation.unanswered(), 2);
    let (answers, remarks) = hear(&mut conversation, 2, Body::DeregistrationReply(success));
    assert_eq!(answers.as_deref(), Some("Set Member State Request"));
    assert!(
        remarks[0].contains("figure 20") && remarks[0].contains("0x1065"),
        "{remarks:?}"
    );
    let (answers, remarks) = hear(&mut conversation, 1, Body::DeregistrationReply(success));
    assert_eq!(answers.as_deref(), Some("Set LB State Request"));
    assert!(
        remarks[0].contains("figure 22") && remarks[0].contains("0x1055"),
        "{remarks:?}"
    );
    assert_eq!(conversation.unanswered(), 0);
}

#[test]
fn a_reply_of_the_right_type_needs_no_remark_and_a_wrong_one_gets_one() {
    let mut conversation = Conversation::default();
    hear(&mut conversation, 1, set_lb_state());
    let right = hear(&mut conversation, 1, Body::SetLbStateReply(Code::SUCCESS));
    assert_eq!(right, (Some("Set LB State Request".to_owned()), vec![]));
    hear(&mut conversation, 1, set_lb_state());
    let (_, remarks) = hear(&mut conversation, 1, Body::RegistrationReply(Code::SUCCESS));
    assert_eq!(
        remarks,
        ["answers a Set LB State Request with a Registration Reply"]
    );
}

#[test]
fn a_reply_to_nothing_is_odd_only_if_requests_are_seen_at_all() {
    let mut conversation = Conversation::default();
    let reply = || Body::SetLbStateReply(Code::SUCCESS);
    assert_eq!(hear(&mut conversation, 9, reply()), (None, vec![]));
    hear(&mut conversation, 1, set_lb_state());
    let (answers, remarks) = hear(&mut conversation, 9, reply());
    assert_eq!(answers, None);
    assert_eq!(remarks, ["no request with this id waits for a reply"]);
    let (_, remarks) = hear(&mut conversation, 1, set_member_state());
    assert_eq!(
        remarks,
        ["a Set LB State Request with this id still waits for its reply"]
    );
}

#[test]
fn requests_without_end_are_not_remembered_without_end() {
    let mut conversation = Conversation::default();
    for id in 0..5_000 {
        hear(&mut conversation, id, set_lb_state());
    }
    assert_eq!(conversation.unanswered(), 1024);
    let (answers, _) = hear(
        &mut conversation,
        4_999,
        Body::SetLbStateReply(Code::SUCCESS),
    );
    assert!(answers.is_some(), "the latest are");
}

#[test]
fn levels_have_stable_names() {
    let names = [Level::Wrong, Level::Unusual].map(|level| serde_json::to_string(&level).unwrap());
    assert_eq!(names, ["\"wrong\"", "\"unusual\""]);
}
