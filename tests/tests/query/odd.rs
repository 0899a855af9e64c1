//! GWMs that close, hang, talk nonsense, or speak another version.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use crate::run::query;
use crate::server::PATIENCE;
use crate::wire;

/// Somebody who accepts one connection, reads one message and does something; joined, it has closed.
fn somebody(
    act: impl FnOnce(&mut TcpStream, u32) + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut header = [0; 13];
        stream.read_exact(&mut header).unwrap();
        let word = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
        let mut body = vec![0; word(5) as usize - 13];
        stream.read_exact(&mut body).unwrap();
        act(&mut stream, word(9));
    });
    (address, thread)
}

fn get_weights_reply(code: u8) -> Vec<u8> {
    wire::tlv(0x1035, &[code, 0, 10, 0, 0])
}

/// The line that a query ends with.
fn line(act: impl FnOnce(&mut TcpStream, u32) + Send + 'static, flags: &str) -> String {
    let (address, thread) = somebody(act);
    let done = query(address, &format!("--uid edge-1 {flags}"));
    thread.join().unwrap();
    assert_eq!(done.code, 1, "{done:?}");
    assert_eq!(done.stdout, "");
    done.line
}

#[test]
fn nobody_there_is_one_line() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let done = query(free, "--uid a");
    assert_eq!(done.code, 1);
    assert!(
        done.line.contains(&format!(
            "cannot connect to the GWM: {free}: Connection refused"
        )),
        "{done:?}"
    );
}

#[test]
fn closing_without_an_answer_says_what_may_be_the_reason() {
    let line = line(|_, _| (), "");
    assert!(
        line.contains("closed the connection without answering the Get Weights Request"),
        "{line}"
    );
    assert!(line.contains("--tls-ca"), "{line}");
}

#[test]
fn closing_in_the_middle_of_a_message_is_told() {
    let act = |stream: &mut TcpStream, id| {
        stream
            .write_all(&wire::message(id, &get_weights_reply(0))[..15])
            .unwrap();
    };
    assert!(line(act, "").contains("in the middle of a message"));
}

#[test]
fn no_answer_ends_with_the_patience() {
    let act = |stream: &mut TcpStream, _| {
        // Until the query gives up.
        let end = stream.read(&mut [0]);
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    };
    let line = line(act, "--timeout 300ms");
    assert!(
        line.contains("does not answer the Get Weights Request within 300ms"),
        "{line}"
    );
}

#[test]
fn what_is_not_sasp_is_named() {
    for (bytes, hint) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
            "it speaks HTTP there",
        ),
        (
            &[0x15, 3, 1, 0, 2, 2, 0x46],
            "it speaks TLS there: give --tls-ca",
        ),
        (&[0xff; 40], "is this the port of a GWM?"),
        (
            &[0x20, 0x10, 0, 13, 1, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0],
            "more than a balancer would accept",
        ),
    ] {
        let act = |stream: &mut TcpStream, _| stream.write_all(bytes).unwrap();
        let line = line(act, "");
        assert!(
            line.contains("is not SASP") && line.contains(hint),
            "{line}"
        );
    }
}

#[test]
fn another_version_is_named() {
    let act = |stream: &mut TcpStream, id| {
        let mut reply = wire::message(id, &get_weights_reply(0x10));
        reply[4] = 2;
        stream.write_all(&reply).unwrap();
    };
    let line = line(act, "");
    assert!(
        line.contains("because it speaks SASP version 2, and we speak 1"),
        "{line}"
    );
}

#[test]
fn a_reply_that_makes_no_sense_is_named() {
    let act = |stream: &mut TcpStream, id| {
        let reply = wire::message(id, &wire::tlv(0x1035, &[0, 0, 10, 0, 9]));
        stream.write_all(&reply).unwrap();
    };
    let line = line(act, "");
    assert!(
        line.contains(
            "makes no sense: the message ends where a Group of Weight Entry Data was announced"
        ),
        "{line}"
    );
}

#[test]
fn a_reply_byte_by_byte_is_a_reply() {
    let act = |stream: &mut TcpStream, id| {
        stream.set_nodelay(true).unwrap();
        for byte in wire::message(id, &get_weights_reply(0x43)) {
            stream.write_all(&[byte]).unwrap();
        }
    };
    assert!(line(act, "").contains("does not know LB UID edge-1"));
}
