//! `decode` in pipes.

use tests::sasp::capture::{Capture, Side};
use tests::sasp::samples;

use crate::run::{decode, query};
use crate::server::Server;
use crate::wire;

#[test]
fn what_query_prints_with_raw_is_what_decode_reads() {
    let server = Server::start("");
    let done = query(server.address, "--uid probe-1 --member A=10.0.0.1:80 --raw");
    assert_eq!(done.code, 0, "{done:?}");
    let at = done.stdout.find("# sent").unwrap();
    let decoded = decode(&["-", "--json"], &done.stdout.as_bytes()[at..]);
    assert_eq!(decoded.code, 0, "{decoded:?}");
    let value = decoded.json();
    let messages = value["messages"].as_array().unwrap();
    let types: Vec<_> = messages
        .iter()
        .map(|message| message["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "Get Weights Request",
            "Get Weights Reply",
            "Registration Request",
            "Registration Reply",
            "Get Weights Request",
            "Get Weights Reply",
            "DeRegistration Request",
            "DeRegistration Reply",
        ]
    );
    assert!(
        messages
            .iter()
            .skip(1)
            .step_by(2)
            .all(|reply| reply["answers"].is_object())
    );
}

#[test]
fn every_sample_in_a_capture_is_decoded_however_it_is_split() {
    let messages = samples::messages();
    for segment in [1400, 7] {
        let mut capture = Capture::default();
        for message in &messages {
            let bytes = sasp_ctl::sasp::codec::encode(message).unwrap();
            capture.send(Side::sending(&message.body), &bytes, segment);
        }
        let done = decode(&["-", "--json"], capture.bytes());
        assert_eq!(done.code, 0, "{}", done.line);
        let value = done.json();
        let shown = value["messages"].as_array().unwrap();
        assert_eq!(shown.len(), messages.len());
        for (shown, message) in shown.iter().zip(&messages) {
            assert_eq!(shown["id"], message.id);
            assert_eq!(shown["type"], message.body.kind().to_string());
        }
    }
}

#[test]
fn hex_may_be_given_as_arguments() {
    let reply = wire::message(7, &wire::tlv(0x1015, &[0x40]));
    let digits: Vec<_> = reply.iter().map(|byte| format!("{byte:02x}")).collect();
    let words: Vec<&str> = digits.iter().map(String::as_str).collect();
    let joined = digits.concat();
    for words in [words, vec![joined.as_str()]] {
        let done = decode(&words, &[]);
        assert_eq!(done.code, 0, "{done:?}");
        assert!(
            done.stdout.contains("code 0x40 member already registered"),
            "{done:?}"
        );
    }
}

#[test]
fn what_cannot_be_decoded_makes_it_fail_and_the_rest_is_printed() {
    let good = hex::encode(wire::message(7, &wire::tlv(0x1015, &[0])));
    let done = decode(&[&format!("{good}ffff{good}")], &[]);
    assert_eq!(done.code, 1);
    assert_eq!(done.line, "one thing could not be decoded: see the output");
    assert_eq!(
        done.stdout
            .matches("Registration Reply (0x1015), from")
            .count(),
        2
    );
}

#[test]
fn wrong_usage_has_its_own_exit_code() {
    for (words, part) in [
        (&["nowhere.pcap"][..], "no such file: nowhere.pcap"),
        (&["20", "1"], "odd number of hex digits"),
        (&["hello"], "'h' is no hex digit"),
    ] {
        let done = decode(words, &[]);
        assert_eq!(done.code, 2, "{done:?}");
        assert!(done.line.contains(part), "{done:?}");
    }
}
