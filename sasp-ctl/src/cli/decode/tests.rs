mod captures;

use std::cell::RefCell;
use std::rc::Rc;

use super::*;

/// A reply and the request before it.
const CONVERSATION: &str = "\
# sent
0000  20 10 00 0d 01 00 00 00 20 00 00 00 07 10 30 00
0010  06 00 01 30 11 00 0d 06 65 64 67 65 2d 31 01 41
# came
0000  20 10 00 0d 01 00 00 00 16 00 00 00 07 10 35 00
0010  09 42 00 0a 00 00
";

/// What is printed, and how it ends.
fn decode(input: &[u8], json: bool) -> (String, Result<(), Failure>) {
    let printed = Rc::new(RefCell::new(String::new()));
    let sink = Rc::clone(&printed);
    let report = Report::new(
        json,
        Box::new(move |text| {
            sink.borrow_mut().push_str(text);
            Ok(())
        }),
    );
    let done = read("the input", input, PORT, report);
    (printed.take(), done)
}

fn as_json(input: &[u8]) -> (serde_json::Value, Result<(), Failure>) {
    let (text, done) = decode(input, true);
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (value, done)
}

fn line(done: Result<(), Failure>) -> String {
    match done {
        Err(Failure::Failed(line)) => line,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_dump_of_request_and_reply_shows_what_answers_what() {
    let (text, done) = decode(CONVERSATION.as_bytes(), false);
    done.unwrap();
    assert!(
        text.starts_with(
            "byte 0  Get Weights Request (0x1030), to the GWM, RFC 4678 section 7.3.1\n"
        ),
        "{text}"
    );
    assert!(text.contains("\nbyte 32  Get Weights Reply (0x1035), from the GWM, RFC 4678 section 7.3.2, answers Get Weights Request\n"), "{text}");
    assert!(text.contains("code 0x42 unknown group"), "{text}");
}

#[test]
fn the_same_as_json_is_one_object() {
    let (value, done) = as_json(CONVERSATION.as_bytes());
    done.unwrap();
    let messages = value["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1]["answers"]["type"], "Get Weights Request");
    assert_eq!(messages[1]["offset"], 32);
    assert_eq!(messages[1]["fields"]["code_name"], "unknown group");
    assert_eq!(value["problems"], serde_json::json!([]));
}

#[test]
fn bare_sasp_needs_no_hex() {
    let bytes = hexdump::parse(CONVERSATION).unwrap();
    assert_eq!(
        decode(&bytes, false).0,
        decode(CONVERSATION.as_bytes(), false).0
    );
}

#[test]
fn damage_is_shown_counted_and_passed_over() {
    let damaged = format!("ff ff\n{CONVERSATION}# cut\n20 10 00 0d 01 00 00 00 30 00");
    let (value, done) = as_json(damaged.as_bytes());
    // The skipped bytes and the message that is cut.
    assert_eq!(line(done), "2 things could not be decoded: see the output");
    let messages = value["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[2]["cut"], "only 10 of 48 bytes are there");
    assert_eq!(messages[2]["understood"], false);
    let problem = value["problems"][0]["text"].as_str().unwrap();
    assert!(
        problem.starts_with("byte 0: 2 bytes that are no message were skipped"),
        "{problem}"
    );
    let (text, _) = decode(damaged.as_bytes(), false);
    assert!(
        text.contains("! cut off: only 10 of 48 bytes are there"),
        "{text}"
    );
}

#[test]
fn nothing_at_all_is_an_empty_list() {
    let (value, done) = as_json(b"ff ff ff");
    assert_eq!(value["messages"], serde_json::json!([]));
    assert_eq!(line(done), "one thing could not be decoded: see the output");
}

#[test]
fn what_is_neither_hex_nor_a_capture_is_refused() {
    let (text, done) = decode(b"hello", false);
    assert_eq!(text, "");
    assert!(line(done).contains("the input is no hex dump: line 1"));
    let (_, done) = decode(&[0xff, 0xfe, 0x80], false);
    assert!(line(done).contains("neither a pcap or pcapng file nor a hex dump nor SASP itself"));
}
