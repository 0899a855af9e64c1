//! An independent dissector, tshark, reads every byte that we send as we meant it.

use std::collections::BTreeSet;

use hex::encode as hex;
use sasp_ctl::sasp::{codec::encode, msg::Message};
use tests::sasp::{
    capture::{Capture, Side},
    dissector::{Dissected, Dissection, dissect},
    expected, samples,
};

/// Whole messages in a segment, and headers that are cut.
const SEGMENTS: [usize; 2] = [1400, 11];

fn wire(message: &Message) -> Vec<u8> {
    encode(message).expect("test messages are small")
}

fn dissect_one(bytes: &[u8]) -> Dissection {
    let mut capture = Capture::default();
    capture.send(Side::Gwm, bytes, 1400);
    dissect(&capture).unwrap()
}

#[test]
fn a_dissector_reads_every_field_of_every_message_as_we_meant_it() {
    let messages = samples::messages();
    for segment in SEGMENTS {
        let mut capture = Capture::default();
        for message in &messages {
            capture.send(Side::sending(&message.body), &wire(message), segment);
        }
        let dissection = dissect(&capture).unwrap();
        assert_eq!(dissection.complaints, [""; 0]);
        assert_eq!(dissection.messages.len(), messages.len());
        for (seen, message) in dissection.messages.iter().zip(&messages) {
            assert_eq!(seen.bytes, hex(wire(message)), "{message:?}");
            assert_eq!(seen.fields, expected::fields(message), "{message:?}");
        }
    }
}

#[test]
fn a_dissector_reads_messages_that_share_a_segment() {
    let messages = samples::messages();
    for side in [Side::Client, Side::Gwm] {
        let sent = messages
            .iter()
            .filter(|message| Side::sending(&message.body) == side);
        let stream: Vec<u8> = sent.clone().flat_map(wire).collect();
        let mut capture = Capture::default();
        capture.send(side, &stream, 60_000);
        let dissection = dissect(&capture).unwrap();
        assert_eq!(dissection.complaints, [""; 0]);
        let sent: Vec<_> = sent
            .map(|message| Dissected {
                bytes: hex(wire(message)),
                fields: expected::fields(message),
            })
            .collect();
        assert_eq!(dissection.messages, sent);
    }
}

#[test]
fn a_wrong_bit_is_seen_in_any_byte_of_any_kind_of_message() {
    let message_length = 5..9;
    let mut sent = Vec::new();
    let mut capture = Capture::default();
    for message in samples::messages() {
        let bytes = wire(&message);
        if bytes.len() > 100 {
            continue;
        }
        // A wrong message length would garble the rest of the stream: it has a test of its own.
        for at in (0..bytes.len()).filter(|at| !message_length.contains(at)) {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            capture.send(Side::sending(&message.body), &wrong, 1400);
            sent.push((at, message.clone()));
        }
    }
    let seen = dissect(&capture).unwrap().messages;
    assert_eq!(seen.len(), sent.len());
    for (seen, (at, message)) in seen.iter().zip(&sent) {
        assert_ne!(seen.fields, expected::fields(message), "{at}: {message:?}");
    }
    let kinds = |message: &Message| message.body.kind();
    let tried: BTreeSet<_> = sent.iter().map(|(_, message)| kinds(message)).collect();
    assert_eq!(tried, samples::messages().iter().map(kinds).collect());
}

#[test]
fn a_count_beyond_the_messages_end_is_malformed() {
    let dissection = dissect_one(&hex::decode("2010000d01000000130000000010400006ffff").unwrap());
    assert_eq!(dissection.complaints, ["_ws.malformed"]);
}

#[test]
fn an_unknown_message_is_an_expert_item() {
    let dissection = dissect_one(&hex::decode("2010000d0100000012000000001099000500").unwrap());
    assert_eq!(dissection.complaints.len(), 1, "{dissection:?}");
}

#[test]
fn a_byte_too_many_is_seen_in_the_messages_length() {
    let message = &samples::messages()[0];
    let mut bytes = wire(message);
    bytes.push(0);
    let message_length_at = 8;
    bytes[message_length_at] += 1;
    let seen = &dissect_one(&bytes).messages[0];
    assert_ne!(seen.fields, expected::fields(message));
}
