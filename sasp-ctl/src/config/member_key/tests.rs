//! Written and read forms, and what is neither.

use super::*;

fn key(protocol: u8, port: u16, address: &str) -> MemberKey {
    MemberKey {
        protocol,
        port,
        address: address.parse().unwrap(),
    }
}

#[test]
fn every_written_form_is_understood() {
    let rows = [
        ("10.0.0.1:80", key(6, 80, "10.0.0.1")),
        ("10.0.0.1:80/tcp", key(6, 80, "10.0.0.1")),
        ("10.0.0.1:53/udp", key(17, 53, "10.0.0.1")),
        ("10.0.0.1:9/132", key(132, 9, "10.0.0.1")),
        ("10.0.0.1", key(0, 0, "10.0.0.1")),
        ("[2001:db8::1]:443", key(6, 443, "2001:db8::1")),
        ("[2001:db8::1]:443/udp", key(17, 443, "2001:db8::1")),
        ("[2001:db8::1]", key(0, 0, "2001:db8::1")),
        ("2001:db8::1", key(0, 0, "2001:db8::1")),
        ("[::ffff:10.0.0.1]:80", key(6, 80, "10.0.0.1")),
    ];
    for (text, expected) in rows {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn a_shown_key_parses_back() {
    for key in [
        key(6, 80, "10.0.0.1"),
        key(17, 65535, "10.0.0.1"),
        key(132, 1, "2001:db8::1"),
        key(6, 443, "2001:db8::1"),
        key(0, 0, "10.0.0.1"),
        key(0, 0, "2001:db8::1"),
    ] {
        assert_eq!(parse(&key.to_string()), Ok(key), "{key}");
    }
}

#[test]
fn anything_else_is_refused_with_the_text_in_the_reason() {
    let texts = [
        "",
        ":80",
        "10.0.0.1:",
        "10.0.0.1:0",
        "10.0.0.1:65536",
        "10.0.0.1:+80",
        "10.0.0.1:80/",
        "10.0.0.1:80/sctp",
        "10.0.0.1:80/0",
        "10.0.0.1:80/256",
        "10.0.0.1/udp",
        "10.0.0:80",
        "host:80",
        "[10.0.0.1]:80",
        "[2001:db8::1]80",
        "[2001:db8::1",
        "[]:80",
        "2001:db8::g",
        "0.0.0.0:80",
        "[::]:80",
        "[::1]:80",
        "0.0.0.1",
        "[::10.0.0.1]:80",
        "224.0.0.1:80",
        "[ff02::1]:80",
        "255.255.255.255:80",
        " 10.0.0.1:80",
    ];
    for text in texts {
        let reason = parse(text).unwrap_err();
        assert!(reason.contains(&format!("{text:?}")), "{text}: {reason}");
    }
}
