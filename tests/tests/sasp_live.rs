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

/// One after the other: every request, and a change of weights for the GWM to push.
fn converse(recorder: &mut Recorder, change_weights: impl FnOnce(), member: &Member) {
    let done = Code::SUCCESS;
    let state = SetLbStateRequest {
        lb_uid: samples::name("edge-1"),
        health: 0x7f,
        flags: lb_flags::PUSH | lb_flags::TRUST,
    };
    let answer = recorder.ask(Body::SetLbStateRequest(state));
    assert_eq!(answer, Body::SetLbStateReply(done));
    let registration = RegistrationRequest {
        flags: FLAG_LB,
        groups: of(vec![member.clone()]),
    };
    let answer = recorder.ask(Body::RegistrationRequest(registration));
    assert_eq!(answer, Body::RegistrationReply(done));
    let groups = vec![samples::group(GROUP)];
    recorder.ask(Body::GetWeightsRequest(GetWeightsRequest { groups }));
    change_weights();
    recorder.wait_for(Type::SEND_WEIGHTS);
    let quiesced = SetMemberStateRequest {
        flags: FLAG_LB,
        groups: of(vec![MemberState {
            member: member.clone(),
            state: 1,
            flags: member_flags::QUIESCE,
        }]),
    };
    let answer = recorder.ask(Body::SetMemberStateRequest(quiesced));
    assert_eq!(answer, Body::SetMemberStateReply(done));
    let everything = DeregistrationRequest {
        flags: FLAG_LB,
        reason: Reason::PURPOSEFUL,
        groups: of(vec![]),
    };
    let answer = recorder.ask(Body::DeregistrationRequest(everything));
    assert_eq!(answer, Body::DeregistrationReply(done));
}

#[test]
fn a_dissector_reads_every_message_between_a_client_and_the_real_gwm() {
    let site = Site::new(0).unwrap();
    let weights = |weight| {
        let members = vec![("10.10.10.1:80".to_owned(), weight)];
        let group = GROUP.to_owned();
        [GroupWeights { group, members }]
    };
    let gwm = Gwm::start(&site, &weights(10)).unwrap();
    let mut recorder = Recorder::connect(&site);
    let member = Member {
        key: MemberKey {
            protocol: 6,
            port: 80,
            address: [10, 10, 10, 1].into(),
        },
        label: samples::name("web-1"),
    };
    converse(&mut recorder, || gwm.set(&weights(20)).unwrap(), &member);

    let mut capture = Capture::default();
    for (side, bytes) in &recorder.record {
        capture.send(*side, bytes, SEGMENT);
    }
    let dissection = dissect(&capture).unwrap();
    assert_eq!(dissection.complaints, [""; 0]);
    assert_eq!(dissection.messages.len(), recorder.record.len());
    let mut kinds = BTreeSet::new();
    for (seen, (_, sent)) in dissection.messages.iter().zip(&recorder.record) {
        let message = decode(sent).unwrap().message;
        assert_eq!(seen.fields, expected::fields(&message), "{message:?}");
        kinds.insert(message.body.kind());
    }
    let all = samples::messages();
    assert_eq!(kinds, all.iter().map(|any| any.body.kind()).collect());
}
