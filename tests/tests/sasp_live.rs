//! A client asks the real `sasp-ctl gwm` everything that SASP has, and the dissector reads what went over the wire.

use std::{
    collections::BTreeSet,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use sasp_ctl::sasp::{
    code::{Code, FLAG_LB, Reason, Type, VERSION, lb_flags, member_flags},
    codec::{decode, encode},
    frame::Deframer,
    msg::{
        Body, DeregistrationRequest, GetWeightsRequest, GroupOf, Member, MemberKey, MemberState,
        Message, RegistrationRequest, SetLbStateRequest, SetMemberStateRequest,
    },
};
use tests::{
    lab::{
        gwm::{self, GroupWeights, Gwm},
        site::Site,
    },
    sasp::{
        capture::{Capture, Side},
        dissector::dissect,
        expected, samples,
    },
};

const GROUP: &str = "FARM1";
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const MESSAGE_MAX: usize = 65_536;
const SEGMENT: usize = 100;

/// A connection to the GWM that remembers what went over it.
struct Recorder {
    stream: TcpStream,
    deframer: Deframer,
    record: Vec<(Side, Vec<u8>)>,
}

impl Recorder {
    fn connect(site: &Site) -> Self {
        let address = (site.gwm.ipv4(), gwm::PORT);
        let connect = || TcpStream::connect(address).unwrap();
        let stream = site.edge.namespace.inside(connect).unwrap();
        stream.set_read_timeout(Some(ANSWER_WITHIN)).unwrap();
        Self {
            stream,
            deframer: Deframer::new(MESSAGE_MAX),
            record: Vec::new(),
        }
    }

    fn ask(&mut self, body: Body) -> Body {
        // Section 4.2 numbers every reply so.
        let answer = Type(body.kind().0 + 5);
        let id = 0xfeed_0000 + self.record.len() as u32;
        let message = Message {
            version: VERSION,
            id,
            body,
        };
        let bytes = encode(&message).unwrap();
        self.stream.write_all(&bytes).unwrap();
        self.record.push((Side::Client, bytes));
        self.wait_for(answer)
    }

    /// Asks one thing after the other, each of which must be answered with this code.
    fn ask_all(&mut self, requests: impl IntoIterator<Item = (Body, Code)>) {
        for (request, expected) in requests {
            let shown = format!("{request:?}");
            assert_eq!(code(&self.ask(request)), expected, "{shown}");
        }
    }

    /// Reads until such a message has come.
    fn wait_for(&mut self, kind: Type) -> Body {
        loop {
            while let Some(frame) = self.deframer.next().unwrap() {
                self.record.push((Side::Gwm, frame.to_vec()));
                let body = decode(&frame).unwrap().message.body;
                if body.kind() == kind {
                    return body;
                }
            }
            let mut buffer = [0; 4096];
            let length = self.stream.read(&mut buffer).unwrap();
            assert_ne!(length, 0, "the GWM hung up while we waited for {kind}");
            self.deframer.push(&buffer[..length]);
        }
    }
}

fn of<T>(items: Vec<T>) -> Vec<GroupOf<T>> {
    let group = samples::group(GROUP);
    vec![GroupOf { group, items }]
}

fn member(protocol: u8, port: u16, address: &str, label: &str) -> Member {
    let address = address.parse().unwrap();
    Member {
        key: MemberKey {
            protocol,
            port,
            address,
        },
        label: samples::name(label),
    }
}

/// IPv4 and IPv6, with every kind of label.
fn members() -> Vec<Member> {
    vec![
        member(6, 80, "10.10.10.1", "web-1"),
        member(6, 443, "2001:db8::1", &"l".repeat(255)),
        member(17, 53, "2001:db8::255", ""),
    ]
}

/// Members and the weights that the GWM gives them.
fn weights(first: u16) -> [GroupWeights; 1] {
    let members = members().into_iter().zip([first, 65_535, 0]);
    [GroupWeights {
        group: GROUP.to_owned(),
        members: members
            .map(|(m, weight)| (m.key.to_string(), weight))
            .collect(),
    }]
}

fn set_lb_state(lb_uid: &str) -> Body {
    Body::SetLbStateRequest(SetLbStateRequest {
        lb_uid: samples::name(lb_uid),
        health: 0x7f,
        flags: lb_flags::PUSH | lb_flags::TRUST,
    })
}

fn register(flags: u8, members: Vec<Member>) -> Body {
    let groups = of(members);
    Body::RegistrationRequest(RegistrationRequest { flags, groups })
}

fn deregister(flags: u8, reason: u8, members: Vec<Member>) -> Body {
    Body::DeregistrationRequest(DeregistrationRequest {
        flags,
        reason: Reason(reason),
        groups: of(members),
    })
}

fn set_member_state(flags: u8, member: Member, state: u8, member_flags: u8) -> Body {
    let groups = of(vec![MemberState {
        member,
        state,
        flags: member_flags,
    }]);
    Body::SetMemberStateRequest(SetMemberStateRequest { flags, groups })
}

fn get_weights(group: &str) -> Body {
    let groups = vec![samples::group(group)];
    Body::GetWeightsRequest(GetWeightsRequest { groups })
}

fn code(reply: &Body) -> Code {
    reply
        .code()
        .unwrap_or_else(|| panic!("no reply but {reply:?}"))
}

/// Every request of a balancer, granted and refused, and a change of weights for the GWM to push.
fn converse(lb: &mut Recorder, change_weights: impl FnOnce()) {
    let [web, tls, dns] = members().try_into().unwrap();
    let stranger = member(6, 80, "192.0.2.1", "");
    let quiesce = member_flags::QUIESCE;
    let before = [
        (get_weights(GROUP), Code::UNKNOWN_LB),
        (set_lb_state(""), Code::INVALID_LB_UID),
        (set_lb_state("edge-1"), Code::SUCCESS),
        (register(FLAG_LB, members()), Code::SUCCESS),
        (
            register(FLAG_LB, members()),
            Code::MEMBER_ALREADY_REGISTERED,
        ),
        (get_weights(GROUP), Code::SUCCESS),
        (get_weights(""), Code::SUCCESS),
        (get_weights("NONE"), Code::UNKNOWN_GROUP),
    ];
    let after = [
        (set_member_state(FLAG_LB, tls, 1, quiesce), Code::SUCCESS),
        (
            set_member_state(FLAG_LB, web.clone(), 0x32, 0),
            Code::SUCCESS,
        ),
        (
            set_member_state(FLAG_LB, stranger.clone(), 0, quiesce),
            Code::UNKNOWN_MEMBER,
        ),
        (set_lb_state("edge-2"), Code::NOT_ACCEPTED),
        (deregister(FLAG_LB, 0x01, vec![web]), Code::SUCCESS),
        (deregister(FLAG_LB, 0x00, vec![dns]), Code::SUCCESS),
        (
            deregister(FLAG_LB, 0xff, vec![stranger]),
            Code::UNKNOWN_MEMBER,
        ),
    ];
    lb.ask_all(before);
    change_weights();
    lb.wait_for(Type::SEND_WEIGHTS);
    lb.ask_all(after);
    lb.wait_for(Type::SEND_WEIGHTS);
}

/// A member speaks for itself, before its balancer is known and after.
fn speak_for_oneself(peer: &mut Recorder, is_known: bool) {
    let own = || member(6, 8443, "2001:db8::9", "self-made");
    let quiesce = member_flags::QUIESCE;
    let steps = [
        (register(0, vec![own()]), Code::SUCCESS),
        (set_member_state(0, own(), 0x0a, quiesce), Code::SUCCESS),
        (register(0, vec![own()]), Code::MEMBER_ALREADY_REGISTERED),
        (deregister(0, 0x80, vec![own()]), Code::SUCCESS),
    ];
    peer.ask_all(steps.map(|(request, expected)| match is_known {
        true => (request, expected),
        false => (request, Code::LB_NOT_CONTACTED),
    }));
}

/// What the dissector reads in a record is what was sent.
fn assert_read(record: &[(Side, Vec<u8>)]) -> Vec<Message> {
    let mut capture = Capture::default();
    for (side, bytes) in record {
        capture.send(*side, bytes, SEGMENT);
    }
    let dissection = dissect(&capture).unwrap();
    assert_eq!(dissection.complaints, [""; 0]);
    assert_eq!(dissection.messages.len(), record.len());
    let sent = record.iter().map(|(_, sent)| decode(sent).unwrap().message);
    let sent: Vec<_> = sent.collect();
    for (seen, message) in dissection.messages.iter().zip(&sent) {
        assert_eq!(seen.fields, expected::fields(message), "{message:?}");
    }
    sent
}

#[test]
fn a_dissector_reads_every_message_between_peers_and_the_real_gwm() {
    let site = Site::new(0).unwrap();
    let gwm = Gwm::start(&site, &weights(10)).unwrap();
    let mut peer = Recorder::connect(&site);
    speak_for_oneself(&mut peer, false);
    let mut lb = Recorder::connect(&site);
    converse(&mut lb, || gwm.set(&weights(20)).unwrap());
    speak_for_oneself(&mut peer, true);
    assert_eq!(
        lb.ask(deregister(FLAG_LB, 0x01, vec![])),
        Body::DeregistrationReply(Code::SUCCESS)
    );

    let mut messages = assert_read(&lb.record);
    messages.extend(assert_read(&peer.record));
    let kinds: BTreeSet<_> = messages.iter().map(|m| m.body.kind()).collect();
    let all = samples::messages();
    assert_eq!(kinds, all.iter().map(|any| any.body.kind()).collect());
}
