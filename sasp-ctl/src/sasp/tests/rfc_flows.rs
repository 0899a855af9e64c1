//! The flows of RFC 4678 sections 9.3 and 9.4, and version negotiation (section 4.4), byte for byte.
//!
//! The RFC gives no addresses, names of balancers or message ids there; those of its section 8 are taken.
//! Where we deviate on purpose, or the RFC contradicts itself, "deviation" says so beside the bytes.

use std::time::{Duration, Instant};

use crate::sasp::{
    client::{Client, Config, Desired, DesiredMember, Event, LbState, MemberWeight},
    gwm::{Assessment, ConnectionId, Gwm, Policy},
    msg::{MemberKey, Name},
};

const GRP1: &str = "3011 000d 03 4c4231 04 47525031";
const ALL_GROUPS: &str = "3011 0009 03 4c4231 00";
const A: &str = "3010 0018 06 0050 000000000000000000000000 0a0a0a01 00";
const B: &str = "3010 0018 06 0050 000000000000000000000000 0a0a0a02 00";
const C: &str = "3010 0018 06 0050 000000000000000000000000 0a0a0a03 00";

fn bytes(parts: &[&str]) -> Vec<u8> {
    hex::decode(parts.concat().replace(' ', "")).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

fn key(last_octet: u8) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: [10, 10, 10, last_octet].into(),
    }
}

const LB: ConnectionId = ConnectionId(1);
const MEMBER: ConnectionId = ConnectionId(2);

/// A GWM that gives members A, B and C the RFC's weights, with a balancer and a member connected.
struct Manager {
    gwm: Gwm,
    now: Instant,
}

impl Manager {
    fn new() -> Self {
        let mut policy = Policy::default();
        for (member, weight) in [(1, 20), (2, 40), (3, 5)] {
            let fixed = Assessment::fixed(weight);
            let rule = policy
                .weights
                .insert(None, &name("GRP1"), key(member), fixed);
            rule.unwrap();
        }
        let (mut gwm, now) = (Gwm::new(policy), Instant::now());
        for id in [LB, MEMBER] {
            gwm.handle_connect(id, ([192, 0, 2, 1], 1024).into(), now);
        }
        Self { gwm, now }
    }

    #[track_caller]
    fn expect(&mut self, on: ConnectionId, message: &[&str]) {
        let sent = self.gwm.poll_transmit(on, self.now).expect("a message");
        let sent = crate::sasp::codec::encode(&sent).unwrap();
        assert_eq!(hex::encode(sent), hex::encode(bytes(message)));
    }

    #[track_caller]
    fn ask(&mut self, on: ConnectionId, request: &[&str], reply: &[&str]) {
        self.gwm.handle_frame(on, &bytes(request), self.now);
        self.expect(on, reply);
    }
}

#[test]
#[rustfmt::skip] // A message a paragraph.
fn the_gwm_answers_flow_9_3() {
    let mut gwm = Manager::new();
    // 1: the balancer registers A, B and C in GRP1.
    gwm.ask(LB,
        &["2010 000d 01 0000006f 00000001", "1010 0007 01 0001", "4010 0006 0003", GRP1, A, B, C],
        &["2010 000d 01 00000012 00000001", "1015 0005 00"]);
    // 2: it sets Trust, with health 0.
    // Deviation from figure 22, which prints type 0x1025 for the reply: section 4.2 has 0x1055.
    gwm.ask(LB,
        &["2010 000d 01 00000017 00000002", "1050 000a 03 4c4231 00 02"],
        &["2010 000d 01 00000012 00000002", "1055 0005 00"]);
    // 3: it gets weights.
    gwm.ask(LB,
        &["2010 000d 01 00000020 00000003", "1030 0006 0001", GRP1],
        &["2010 000d 01 00000089 00000003", "1035 0009 00 000a 0001", "4011 0006 0003", GRP1,
            A, "3012 0008 00 0d 0014",
            B, "3012 0008 00 0d 0028",
            C, "3012 0008 00 0d 0005"]);
    // 4: member A sets an opaque state.
    // Deviation from figures 11 and 20, which print 0x4011 for the group and 0x1025 for the reply:
    // section 4.2 has 0x4012 and 0x1065.
    gwm.ask(MEMBER,
        &["2010 000d 01 00000045 0000000a", "1060 0007 00 0001", "4012 0006 0001", GRP1, A, "3013 0006 32 00"],
        &["2010 000d 01 00000012 0000000a", "1065 0005 00"]);
    // 5: member C quiesces itself; with the group as in figure 11, which is accepted.
    gwm.ask(MEMBER,
        &["2010 000d 01 00000045 0000000b", "1060 0007 00 0001", "4011 0006 0001", GRP1, C, "3013 0006 0a 01"],
        &["2010 000d 01 00000012 0000000b", "1065 0005 00"]);
    // 6: deviation from the weight of 5 that the RFC prints: it says three times that a quiesced member weighs 0.
    gwm.ask(LB,
        &["2010 000d 01 00000020 00000006", "1030 0006 0001", GRP1],
        &["2010 000d 01 00000089 00000006", "1035 0009 00 000a 0001", "4011 0006 0003", GRP1,
            A, "3012 0008 32 0d 0014",
            B, "3012 0008 00 0d 0028",
            C, "3012 0008 0a 0f 0000"]);
    // 7: member C resumes.
    gwm.ask(MEMBER,
        &["2010 000d 01 00000045 0000000c", "1060 0007 00 0001", "4012 0006 0001", GRP1, C, "3013 0006 0a 00"],
        &["2010 000d 01 00000012 0000000c", "1065 0005 00"]);
    // 8: it has its weight again.
    gwm.ask(LB,
        &["2010 000d 01 00000020 00000008", "1030 0006 0001", GRP1],
        &["2010 000d 01 00000089 00000008", "1035 0009 00 000a 0001", "4011 0006 0003", GRP1,
            A, "3012 0008 32 0d 0014",
            B, "3012 0008 00 0d 0028",
            C, "3012 0008 0a 0d 0005"]);
    assert_eq!(gwm.gwm.poll_transmit(LB, gwm.now), None, "it never asked to be pushed");
}

#[test]
#[rustfmt::skip] // A message a paragraph.
fn the_gwm_answers_flow_9_4() {
    let mut gwm = Manager::new();
    // 1: the balancer sets Push and Trust, with full health.
    gwm.ask(LB,
        &["2010 000d 01 00000017 00000001", "1050 000a 03 4c4231 7f 03"],
        &["2010 000d 01 00000012 00000001", "1055 0005 00"]);
    // 2 and 3: members A and B register themselves.
    gwm.ask(MEMBER,
        &["2010 000d 01 0000003f 0000000a", "1010 0007 00 0001", "4010 0006 0001", GRP1, A],
        &["2010 000d 01 00000012 0000000a", "1015 0005 00"]);
    gwm.ask(MEMBER,
        &["2010 000d 01 0000003f 0000000b", "1010 0007 00 0001", "4010 0006 0001", GRP1, B],
        &["2010 000d 01 00000012 0000000b", "1015 0005 00"]);
    // 4: both are pushed. A balancer that reads faster gets one message for each.
    gwm.expect(LB,
        &["2010 000d 01 00000066 00000000", "1040 0006 0001", "4011 0006 0002", GRP1,
            A, "3012 0008 00 09 0014",
            B, "3012 0008 00 09 0028"]);
    // 5: member C registers itself.
    gwm.ask(MEMBER,
        &["2010 000d 01 0000003f 0000000c", "1010 0007 00 0001", "4010 0006 0001", GRP1, C],
        &["2010 000d 01 00000012 0000000c", "1015 0005 00"]);
    // 6: all are pushed.
    gwm.expect(LB,
        &["2010 000d 01 00000086 00000000", "1040 0006 0001", "4011 0006 0003", GRP1,
            A, "3012 0008 00 09 0014",
            B, "3012 0008 00 09 0028",
            C, "3012 0008 00 09 0005"]);
    // 7: the balancer deregisters GRP1 with a member count of 0.
    gwm.ask(LB,
        &["2010 000d 01 00000028 00000007", "1020 0008 01 00 0001", "4010 0006 0000", GRP1],
        &["2010 000d 01 00000012 00000007", "1025 0005 00"]);
    // Beyond the flow: that there are no groups any more is pushed once.
    gwm.expect(LB, &["2010 000d 01 00000013 00000000", "1040 0006 0000"]);
    assert_eq!(gwm.gwm.poll_transmit(LB, gwm.now), None);
}

#[test]
#[rustfmt::skip] // A message a paragraph.
fn the_gwm_names_its_version_to_balancers_of_another() {
    for version in ["00", "02", "ff"] {
        let mut gwm = Manager::new();
        let header = |rest| ["2010 000d", version, rest].concat();
        gwm.ask(LB,
            &[&header("0000006f 00000001"), "1010 0007 01 0001", "4010 0006 0003", GRP1, A, B, C],
            &["2010 000d 01 00000012 00000001", "1015 0005 10"]);
        gwm.ask(LB,
            &[&header("00000028 00000002"), "1020 0008 01 00 0001", "4010 0006 0000", GRP1],
            &["2010 000d 01 00000012 00000002", "1025 0005 10"]);
        gwm.ask(LB,
            &[&header("00000020 00000003"), "1030 0006 0001", GRP1],
            &["2010 000d 01 00000016 00000003", "1035 0009 10 000a 0000"]);
        gwm.ask(LB,
            &[&header("00000017 00000004"), "1050 000a 03 4c4231 7f 03"],
            &["2010 000d 01 00000012 00000004", "1055 0005 10"]);
        gwm.ask(MEMBER,
            &[&header("00000045 00000005"), "1060 0007 00 0001", "4012 0006 0001", GRP1, A, "3013 0006 32 00"],
            &["2010 000d 01 00000012 00000005", "1065 0005 10"]);
        // What stands behind the header is that version's business.
        gwm.ask(LB,
            &[&header("00000013 00000006"), "1030 abcd 01ff"],
            &["2010 000d 01 00000016 00000006", "1035 0009 10 000a 0000"]);
    }
}

/// A balancer LB1 that wants these members in GRP1.
struct Balancer {
    client: Client,
    now: Instant,
}

impl Balancer {
    fn new(lb_state: LbState, members: &[u8]) -> Self {
        let now = Instant::now();
        let members = members
            .iter()
            .map(|octet| (key(*octet), DesiredMember::default()));
        let desired = Desired {
            lb_state,
            groups: [(name("GRP1"), members.collect())].into(),
            ..Desired::default()
        };
        let mut client = Client::new(Config::new(name("LB1")), desired, 1, now);
        client.enable(now);
        client.handle_connected(now);
        Self { client, now }
    }

    #[track_caller]
    fn expect(&mut self, request: &[&str]) {
        let sent = self.client.poll_transmit().expect("a request");
        assert_eq!(hex::encode(sent), hex::encode(bytes(request)));
    }

    fn hear(&mut self, message: &[&str]) {
        self.client.handle_bytes(&bytes(message), self.now);
    }

    /// Lets time pass until something is due.
    fn wait(&mut self) {
        self.now = self.client.poll_timeout().expect("a deadline");
        self.client.handle_timeout(self.now);
    }

    /// What was last said of every member, whether wanted or not: state, flags as in a weight entry, weight.
    fn weights(&mut self) -> Vec<(u8, u8, u16)> {
        let events = std::iter::from_fn(|| self.client.poll_event());
        let last = events.filter_map(|event| match event {
            Event::Weights { weights, unknown } => Some((weights.members, unknown)),
            _ => None,
        });
        let (mut members, unknown) = last.last().expect("weights");
        members.extend(unknown);
        let flags = |w: &MemberWeight| {
            u8::from(w.contact)
                | u8::from(w.quiesce) << 1
                | u8::from(w.by_lb) << 2
                | u8::from(w.confident) << 3
        };
        members
            .values()
            .map(|w| (w.state, flags(w), w.weight))
            .collect()
    }
}

#[test]
#[rustfmt::skip] // A message a paragraph.
fn the_balancer_lives_flow_9_3() {
    let state = LbState { health: 0, push: false, trust: true, no_change: false };
    let mut lb = Balancer::new(state, &[1, 2, 3]);
    // 2 before 1: section 9.1 leaves the order to the balancer. The reply's type is that of figure 22.
    lb.expect(&["2010 000d 01 00000017 00000001", "1050 000a 03 4c4231 00 02"]);
    lb.hear(&["2010 000d 01 00000012 00000001", "1025 0005 00"]);
    // 1
    lb.expect(&["2010 000d 01 0000006f 00000002", "1010 0007 01 0001", "4010 0006 0003", GRP1, A, B, C]);
    lb.hear(&["2010 000d 01 00000012 00000002", "1015 0005 00"]);
    // 3, for all groups, because the answer shall also tell what should not be registered.
    lb.expect(&["2010 000d 01 0000001c 00000003", "1030 0006 0001", ALL_GROUPS]);
    lb.hear(&["2010 000d 01 00000089 00000003", "1035 0009 00 0040 0001", "4011 0006 0003", GRP1,
        A, "3012 0008 00 0d 0014",
        B, "3012 0008 00 0d 0028",
        C, "3012 0008 00 0d 0005"]);
    assert_eq!(lb.weights(), [(0, 0x0d, 20), (0, 0x0d, 40), (0, 0x0d, 5)]);
    // 6, as the RFC prints it: the flag counts, whatever the weight.
    lb.wait();
    lb.expect(&["2010 000d 01 0000001c 00000004", "1030 0006 0001", ALL_GROUPS]);
    lb.hear(&["2010 000d 01 00000089 00000004", "1035 0009 00 0040 0001", "4011 0006 0003", GRP1,
        A, "3012 0008 32 0d 0014",
        B, "3012 0008 00 0d 0028",
        C, "3012 0008 0a 0f 0005"]);
    assert_eq!(lb.weights(), [(0x32, 0x0d, 20), (0, 0x0d, 40), (0x0a, 0x0f, 5)]);
    // 8
    lb.wait();
    lb.expect(&["2010 000d 01 0000001c 00000005", "1030 0006 0001", ALL_GROUPS]);
    lb.hear(&["2010 000d 01 00000089 00000005", "1035 0009 00 0040 0001", "4011 0006 0003", GRP1,
        A, "3012 0008 32 0d 0014",
        B, "3012 0008 00 0d 0028",
        C, "3012 0008 0a 0d 0005"]);
    assert_eq!(lb.weights(), [(0x32, 0x0d, 20), (0, 0x0d, 40), (0x0a, 0x0d, 5)]);
    assert_eq!(lb.client.poll_transmit(), None);
    assert_eq!(lb.client.poll_timeout(), Some(lb.now + Duration::from_secs(64)));
}

#[test]
#[rustfmt::skip] // A message a paragraph.
fn the_balancer_lives_flow_9_4() {
    let state = LbState { health: 0x7f, push: true, trust: true, no_change: false };
    let mut lb = Balancer::new(state, &[]);
    // 1
    lb.expect(&["2010 000d 01 00000017 00000001", "1050 000a 03 4c4231 7f 03"]);
    lb.hear(&["2010 000d 01 00000012 00000001", "1055 0005 00"]);
    // Beyond the flow: it asks what is there. Nothing is.
    lb.expect(&["2010 000d 01 0000001c 00000002", "1030 0006 0001", ALL_GROUPS]);
    lb.hear(&["2010 000d 01 00000016 00000002", "1035 0009 00 0040 0000"]);
    // 4
    lb.hear(&["2010 000d 01 00000066 00000000", "1040 0006 0001", "4011 0006 0002", GRP1,
        A, "3012 0008 00 09 0014",
        B, "3012 0008 00 09 0028"]);
    assert_eq!(lb.weights(), [(0, 0x09, 20), (0, 0x09, 40)]);
    // 6
    lb.hear(&["2010 000d 01 00000086 00000000", "1040 0006 0001", "4011 0006 0003", GRP1,
        A, "3012 0008 00 09 0014",
        B, "3012 0008 00 09 0028",
        C, "3012 0008 00 09 0005"]);
    assert_eq!(lb.weights(), [(0, 0x09, 20), (0, 0x09, 40), (0, 0x09, 5)]);
    // 7, for all groups at once: the balancer leaves.
    lb.client.deregister_all(lb.now);
    lb.expect(&["2010 000d 01 00000024 00000003", "1020 0008 01 01 0001", "4010 0006 0000", ALL_GROUPS]);
    lb.hear(&["2010 000d 01 00000012 00000003", "1025 0005 00"]);
    let events: Vec<_> = std::iter::from_fn(|| lb.client.poll_event()).collect();
    assert_eq!(events, [Event::DeregisteredAll(Ok(()))]);
}
