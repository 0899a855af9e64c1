//! An independent dissector (tshark, through `../shared/tools/sasp_check.py`) reads every byte that we send.
//!
//! The tool also audits what tshark ignores: Lengths, component types, stray bytes.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use sasp_ctl::sasp::{
    code::{Code, FLAG_LB, Reason, lb_flags, member_flags, weight_flags},
    codec::encode,
    msg::{
        Body, DeregistrationRequest, GetWeightsReply, GetWeightsRequest, Group, GroupOf, Member,
        MemberKey, MemberState, Message, Name, RegistrationRequest, SendWeights, SetLbStateRequest,
        SetMemberStateRequest, WeightEntry,
    },
};
use serde_json::Value;

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).expect("test names are short")
}

fn group(text: &str) -> Group {
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

fn messages() -> Vec<Message> {
    let ids = (0..).map(|id: u32| id.wrapping_mul(0x9e37_79b9));
    ids.zip(bodies())
        .map(|(id, body)| Message {
            version: 1,
            id,
            body,
        })
        .collect()
}

/// Requests go to the GWM, everything else comes from it: the tool wants to know the side.
fn direction(body: &Body) -> char {
    match body {
        Body::RegistrationRequest(_)
        | Body::DeregistrationRequest(_)
        | Body::GetWeightsRequest(_)
        | Body::SetLbStateRequest(_)
        | Body::SetMemberStateRequest(_) => '>',
        Body::RegistrationReply(_)
        | Body::DeregistrationReply(_)
        | Body::GetWeightsReply(_)
        | Body::SendWeights(_)
        | Body::SetLbStateReply(_)
        | Body::SetMemberStateReply(_) => '<',
    }
}

/// What the tool says about `stream`, cut into TCP segments of `segment` bytes.
fn check(stream: &str, segment: usize) -> Value {
    let tool = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/tools/sasp_check.py");
    assert!(
        tool.is_file(),
        "{} is missing, put it there to run this test",
        tool.display()
    );
    let mut child = Command::new("python3")
        .arg(&tool)
        .args(["--json", "-f", "-", "--seg", &segment.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 must be installed");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    stdin
        .write_all(stream.as_bytes())
        .expect("the tool reads its stdin");
    drop(stdin);
    let output = child.wait_with_output().expect("the tool ends");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "no verdict ({error}): {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

#[test]
fn an_independent_dissector_finds_nothing_wrong_in_any_message_that_we_send() {
    let messages = messages();
    let stream: String = messages
        .iter()
        .map(|message| {
            let bytes = encode(message).expect("test messages are small");
            format!("{} {}\n", direction(&message.body), hex::encode(bytes))
        })
        .collect();
    for segment in [1400, 11] {
        let verdict = check(&stream, segment);
        assert_eq!(verdict["status"], 0, "{verdict:#}");
        let seen: Vec<_> = verdict["messages"]
            .as_array()
            .expect("a list of messages")
            .iter()
            .map(|seen| (seen["type"].as_u64(), seen["id"].as_u64()))
            .collect();
        let sent: Vec<_> = messages
            .iter()
            .map(|sent| {
                (
                    Some(u64::from(sent.body.kind().0)),
                    Some(u64::from(sent.id)),
                )
            })
            .collect();
        assert_eq!(seen, sent, "in segments of {segment} bytes");
    }
}

#[test]
fn the_dissector_does_find_a_wrong_length() {
    let verdict = check("< 2010000d010000001200000007 1015000600", 1400);
    assert_eq!(verdict["status"], 2, "{verdict:#}");
}
