//! Requests and the exact bytes of their replies.

use crate::server::Server;
use crate::wire::{block, string};
use crate::wire::{
    deregister, get_weights, group, member, members, message, register, set_lb_state,
    set_member_state, state, tlv,
};

const TRUST: u8 = 2;

/// A GWM that knows balancer A (trusts members) with members 1 and 2 in group G.
fn world() -> (Server, crate::client::Client) {
    let server = Server::start("");
    let mut a = server.connect();
    assert_eq!(a.code(&set_lb_state("A", TRUST)), 0);
    assert_eq!(a.code(&register(1, &[members("A", "G", &[1, 2])])), 0);
    (server, a)
}

#[test]
fn every_reply_is_exact() {
    let (_server, mut a) = world();
    assert_eq!(
        a.ask(&register(1, &[members("A", "G", &[3])])),
        [0x10, 0x15, 0, 5, 0]
    );
    assert_eq!(
        a.ask(&register(1, &[members("A", "G", &[3])])),
        [0x10, 0x15, 0, 5, 0x40]
    );
    assert_eq!(
        a.ask(&deregister(1, &[members("A", "G", &[3])])),
        [0x10, 0x25, 0, 5, 0]
    );
    assert_eq!(
        a.ask(&deregister(1, &[members("A", "G", &[3])])),
        [0x10, 0x25, 0, 5, 0x41]
    );
    assert_eq!(
        a.ask(&get_weights(&[group("A", "N")])),
        [0x10, 0x35, 0, 9, 0x42, 0, 10, 0, 0],
        "an error, the real interval, no groups"
    );
    assert_eq!(a.ask(&set_lb_state("B", 0)), [0x10, 0x55, 0, 5, 0x11]);
    let quiesce = |kind| set_member_state(1, &[block(kind, "A", "G", &[state(1, 0, 1)])]);
    assert_eq!(a.ask(&quiesce(0x4012)), [0x10, 0x65, 0, 5, 0]);
    assert_eq!(
        a.ask(&quiesce(0x4011)),
        [0x10, 0x65, 0, 5, 0],
        "as figure 11 prints it"
    );
}

#[test]
fn every_code_is_reached_over_the_wire() {
    let (server, mut a) = world();
    let mut stranger = server.connect();
    let long = "x".repeat(65);
    let set = |flags, uid: &str, name: &str, last: u8| {
        set_member_state(flags, &[block(0x4012, uid, name, &[state(last, 0, 0)])])
    };
    let as_balancer = [
        (register(1, &[members("A", "", &[1])]), 0x50),
        (register(1, &[members("", "G", &[1])]), 0x51),
        (register(1, &[members(&long, "G", &[1])]), 0x51),
        (register(1, &[members("B", "G", &[1])]), 0x11),
        (register(1, &[members("A", "G", &[7, 7])]), 0x44),
        (register(1, &[members("A", "\n", &[7])]), 0x10),
        (register(1, &[]), 0x00),
        (deregister(1, &[members("A", "", &[1])]), 0x10),
        (
            deregister(1, &[members("A", "", &[]), members("A", "G", &[])]),
            0x46,
        ),
        (deregister(1, &[members("A", "N", &[])]), 0x42),
        (deregister(1, &[]), 0x00),
        (get_weights(&[group("A", "G"), group("A", "G")]), 0x46),
        (get_weights(&[]), 0x00),
        (set(1, "A", "", 1), 0x50),
        (set(1, "A", "G", 9), 0x41),
    ];
    for (request, code) in as_balancer {
        assert_eq!(a.code(&request), code, "{request:02x?}");
    }
    let as_stranger = [
        (register(0, &[members("C", "G", &[1])]), 0x61),
        (deregister(0, &[members("C", "G", &[1])]), 0x61),
        (set(0, "C", "G", 1), 0x61),
        (deregister(1, &[members("C", "G", &[1])]), 0x43),
        (get_weights(&[group("C", "")]), 0x43),
        (set(1, "C", "G", 1), 0x43),
        (register(0, &[members("A", "G", &[9])]), 0x00),
        (deregister(0, &[members("A", "G", &[])]), 0x11),
        (deregister(0, &[members("A", "G", &[9])]), 0x00),
    ];
    for (request, code) in as_stranger {
        assert_eq!(stranger.code(&request), code, "{request:02x?}");
    }
    assert_eq!(a.code(&set_lb_state("A", 0)), 0);
    assert_eq!(
        stranger.code(&register(0, &[members("A", "G", &[9])])),
        0x11,
        "no trust any more"
    );
}

#[test]
fn malformed_requests_get_0x10_and_the_connection_goes_on() {
    let (_server, mut a) = world();
    let good = register(1, &[members("A", "G", &[7])]);
    let edited = |at: usize, byte: u8| {
        let mut body = good.clone();
        body[at] = byte;
        body
    };
    let second_message = [&good[..], &set_lb_state("A", 0)].concat();
    let rows = [
        ("a wrong length", edited(3, 8)),
        (
            "a cumulative length",
            edited(3, u8::try_from(good.len()).unwrap()),
        ),
        ("a count that lies", edited(6, 9)),
        ("a count that is too low", edited(6, 0)),
        ("another component", edited(8, 0x11)),
        ("a cut message", good[..good.len() - 1].to_vec()),
        ("a stray byte", [&good[..], &[0]].concat()),
        ("a second message", second_message),
        ("a UID length beyond the end", edited(17, 0xff)),
    ];
    for (case, body) in rows {
        assert_eq!(a.ask(&body), [0x10, 0x15, 0, 5, 0x10], "{case}");
    }
    let bad_get_weights = tlv(0x1030, &[0, 1]);
    assert_eq!(
        a.ask(&bad_get_weights),
        [0x10, 0x35, 0, 9, 0x10, 0, 10, 0, 0]
    );
    assert_eq!(a.code(&good), 0, "none of them registered anything");
}

#[test]
fn another_version_gets_0x10_under_ours() {
    let (_server, mut a) = world();
    for (body, reply) in [
        (set_lb_state("A", 0), &[0x10, 0x55, 0, 5, 0x10][..]),
        (
            get_weights(&[group("A", "")]),
            &[0x10, 0x35, 0, 9, 0x10, 0, 10, 0, 0],
        ),
        // What another version means by this type is not ours to judge.
        (tlv(0x1010, &[1; 40]), &[0x10, 0x15, 0, 5, 0x10]),
    ] {
        let mut bytes = message(5, &body);
        bytes[4] = 2;
        a.send(&bytes);
        assert_eq!(a.receive(), (5, reply.to_vec()));
    }
}

#[test]
fn what_no_gwm_is_sent_closes_the_connection() {
    let header = |kind: u8, length: u8, told: i32| {
        [
            &[0x20, kind, 0, length, 1][..],
            &told.to_be_bytes(),
            &[0; 4],
            &[0; 9],
        ]
        .concat()
    };
    let rows = [
        ("an unknown message type", message(1, &tlv(0x1070, &[]))),
        ("an unknown message type in another version", {
            let mut bytes = message(1, &tlv(0x1070, &[]));
            bytes[4] = 9;
            bytes
        }),
        ("a component without a message", message(1, &member(1))),
        ("a reply", message(1, &[0x10, 0x15, 0, 5, 0])),
        ("a broken reply", message(1, &[0x10, 0x15, 0, 6, 0])),
        ("Send Weights", message(1, &tlv(0x1040, &[0, 0]))),
        ("no header", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("another header", header(0x11, 13, 22)),
        ("a longer header", header(0x10, 14, 22)),
        ("a length of 0", header(0x10, 13, 0)),
        ("a length of 13", header(0x10, 13, 13)),
        ("a length of 16", header(0x10, 13, 16)),
        ("a negative length", header(0x10, 13, -1)),
        ("a length above the limit", header(0x10, 13, (1 << 20) + 1)),
    ];
    let server = Server::start("");
    for (case, bytes) in rows {
        let mut peer = server.connect();
        peer.send(&bytes);
        println!("{case}");
        peer.assert_closed();
    }
    assert_eq!(server.connect().code(&set_lb_state("A", 0)), 0);
}

#[test]
fn messages_may_come_byte_by_byte_or_many_at_once() {
    let (_server, mut a) = world();
    let request = message(1, &get_weights(&[group("A", "G")]));
    for byte in &request {
        a.send(&[*byte]);
    }
    let (_, whole) = a.receive();
    a.send(&request.repeat(100));
    for _ in 0..100 {
        assert_eq!(a.receive(), (1, whole.clone()));
    }
}

#[test]
fn ipv4_in_either_form_is_one_member_and_comes_back_with_zero_bytes() {
    let (_server, mut a) = world();
    let mut mapped = member(1);
    mapped[7 + 10..7 + 12].fill(0xff);
    let request = register(1, &[block(0x4010, "A", "G", &[mapped])]);
    assert_eq!(a.code(&request), 0x40);
    let loopback = [&[6, 0, 80][..], &[0; 15], &[1, 0]].concat();
    let request = register(1, &[block(0x4010, "A", "G", &[tlv(0x3010, &loopback)])]);
    assert_eq!(a.code(&request), 0x45, "::1 is 0.0.0.1 on the wire");
    let system = [&[0, 0, 0][..], &[0; 12], &[10, 0, 0, 9], &string("s")].concat();
    let request = register(1, &[block(0x4010, "A", "G", &[tlv(0x3010, &system)])]);
    assert_eq!(a.code(&request), 0x45, "a system among applications");
}
