//! What goes over the wire, byte for byte.

use super::lab::reply;
use super::*;
use crate::sasp::{
    code::Code,
    codec::{decode, encode},
};

/// An agent of group FARM1 of balancer LB1 with an open connection.
fn connected(key: MemberKey, label: &str, wanted: Wanted) -> (Agent, Instant) {
    let now = Instant::now();
    let mut config = config(&["LB1"], &["FARM1"]);
    (config.key, config.label) = (key, name(label));
    let mut agent = Agent::new(config, wanted, 7, now);
    agent.handle_connected(now);
    (agent, now)
}

/// The only request that waits to be sent, in hexadecimal digits; its reply has code 0.
fn sent(agent: &mut Agent, now: Instant) -> String {
    let bytes = agent.poll_transmit().expect("a request");
    assert_eq!(agent.poll_transmit(), None, "one at a time");
    let request = decode(&bytes).unwrap().message;
    let reply = encode(&reply(&request, Code::SUCCESS)).unwrap();
    agent.handle_bytes(&reply, now);
    hex::encode(bytes)
}

fn hex_of(text: &str) -> String {
    text.replace(char::is_whitespace, "")
}

#[test]
fn every_request_of_a_life_is_exact() {
    let (mut agent, now) = connected(key(1), "web", Wanted::serving(QUIESCED));
    let requests = [sent(&mut agent, now), sent(&mut agent, now), {
        agent.set_wanted(Wanted::GONE, now);
        sent(&mut agent, now)
    }];
    let member = "3010001b 06 0050 0000000000000000000000000a0a0a01 03 776562";
    let group = "3011000e 03 4c4231 05 4641524d31";
    let expected = [
        format!("2010000d 01 00000043 00000001 10100007 00 0001 40100006 0001 {group} {member}"),
        format!(
            "2010000d 01 00000049 00000002 10600007 00 0001 40120006 0001 {group} {member} \
             30130006 00 01"
        ),
        format!("2010000d 01 00000044 00000003 10200008 00 01 0001 40100006 0001 {group} {member}"),
    ];
    assert_eq!(requests, expected.map(|text| hex_of(&text)));
}

#[test]
fn system_level_and_ipv6_members_are_named_as_the_rfc_names_them() {
    let system = MemberKey {
        protocol: 0,
        port: 0,
        address: [192, 0, 2, 9].into(),
    };
    let (mut agent, now) = connected(system, "", Wanted::serving(SERVING));
    let member = hex_of("30100018 00 0000 000000000000000000000000c0000209 00");
    assert!(sent(&mut agent, now).ends_with(&member));
    let udp = MemberKey {
        protocol: 17,
        port: 53,
        address: "2001:db8::1".parse().unwrap(),
    };
    let (mut agent, now) = connected(udp, "", Wanted::serving(SERVING));
    let member = hex_of("30100018 11 0035 20010db8000000000000000000000001 00");
    assert!(sent(&mut agent, now).ends_with(&member));
}

/// RFC 4678 section 9.3, steps 4, 5 and 7: state 0x32 of member A; state 0x0A of member C, quiesced and resumed.
#[test]
fn the_member_steps_of_rfc_section_9_3_are_sent_byte_for_byte() {
    let says = |quiesced, state| Wanted::where_registered(Condition { quiesced, state });
    let group = "3011000d 03 4c4231 04 47525031";
    let request = |id: u8, last: u8, state: u8, flags: u8| {
        hex_of(&format!(
            "2010000d 01 00000045 000000{id:02x} 10600007 00 0001 40120006 0001 {group} \
             30100018 06 0050 0000000000000000000000000a0a0a{last:02x} 00 \
             30130006 {state:02x} {flags:02x}"
        ))
    };
    let member = |last, wanted| {
        let now = Instant::now();
        let mut config = config(&["LB1"], &["GRP1"]);
        (config.key, config.registered_by_others) = (key(last), true);
        let mut agent = Agent::new(config, wanted, 7, now);
        agent.handle_connected(now);
        (agent, now)
    };
    let (mut a, now) = member(1, says(false, 0x32));
    assert_eq!(sent(&mut a, now), request(1, 1, 0x32, 0), "step 4");
    let (mut c, now) = member(3, says(true, 0x0a));
    assert_eq!(sent(&mut c, now), request(1, 3, 0x0a, 1), "step 5");
    c.set_wanted(says(false, 0x0a), now);
    c.handle_connected(now);
    assert_eq!(sent(&mut c, now), request(2, 3, 0x0a, 0), "step 7");
}
