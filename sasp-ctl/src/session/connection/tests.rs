//! One connection over loopback; whole conversations are in the tests of sessions and members.

use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;

/// Generous: it is only ever waited out when a test fails.
const PATIENCE: Duration = Duration::from_secs(20);
const READ_SIZE: usize = 1024;

async fn next(connection: &mut Connection) -> Step {
    timeout(PATIENCE, connection.step())
        .await
        .expect("something happens")
}

/// A connection and the other end of it.
async fn connected() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let target = Target {
        host: address.ip().to_string(),
        port: address.port(),
        source: None,
        tls: None,
    };
    let mut connection = Connection::new(target, READ_SIZE);
    connection.send(b"dropped: nothing is open");
    connection.follow(Link::Wanted);
    assert_eq!(next(&mut connection).await, Step::Connected);
    let (peer, _) = listener.accept().await.unwrap();
    (connection, peer)
}

fn received(connection: &mut Connection) -> Vec<u8> {
    let mut taken = Vec::new();
    connection.take_received(|bytes| taken.extend_from_slice(bytes));
    taken
}

#[tokio::test]
async fn steps_that_are_dropped_lose_nothing_in_either_direction() {
    let (mut connection, mut peer) = connected().await;
    // More than the sockets keep.
    let wanted: Vec<u8> = (0..16_u32 << 20).map(|n| (n % 251) as u8).collect();
    connection.send(&wanted);
    let answer = tokio::spawn(async move {
        let mut heard = vec![0; wanted.len()];
        peer.write_all(b"first").await.unwrap();
        peer.read_exact(&mut heard).await.unwrap();
        peer.write_all(b" second").await.unwrap();
        (peer, heard == wanted)
    });
    let mut said = Vec::new();
    let conversation = async {
        while said.len() < b"first second".len() {
            // Dropped unless it is done at once.
            match unconstrained(connection.step()).now_or_never() {
                None | Some(Step::Sent) => tokio::task::yield_now().await,
                Some(Step::Received) => said.extend(received(&mut connection)),
                Some(other) => panic!("{other:?}"),
            }
        }
    };
    timeout(PATIENCE, conversation).await.expect("all is said");
    assert_eq!(said, b"first second");
    let (_peer, heard_everything) = answer.await.unwrap();
    assert!(heard_everything);
}

#[tokio::test]
async fn what_has_arrived_is_read_without_waiting_and_the_end_is_left_to_the_next_step() {
    let (mut connection, mut peer) = connected().await;
    assert_eq!(connection.read_what_is_there(), None);
    peer.write_all(b"in time").await.unwrap();
    // The first byte shows that the rest is there.
    let read = async {
        loop {
            match connection.read_what_is_there() {
                Some(result) => return result,
                None => tokio::task::yield_now().await,
            }
        }
    };
    let read = timeout(PATIENCE, read).await.expect("it arrives");
    assert_eq!(read, Ok(()));
    assert_eq!(received(&mut connection), b"in time");
    assert_eq!(received(&mut connection), b"");
    drop(peer);
    assert_eq!(next(&mut connection).await, Step::Down(LinkDown::Closed));
    assert_eq!(connection.read_what_is_there(), None);
}

#[tokio::test]
async fn a_connection_that_is_not_wanted_any_more_is_closed() {
    let (mut connection, mut peer) = connected().await;
    connection.follow(Link::Open);
    connection.send(b"never leaves");
    connection.follow(Link::Closed);
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"");
    assert!(connection.step().now_or_never().is_none());
}

#[test]
fn an_error_is_a_refusal_of_tls_or_an_end_or_a_break() {
    use io::ErrorKind::{
        BrokenPipe, ConnectionReset, PermissionDenied, TimedOut, UnexpectedEof, WriteZero,
    };
    let words = || "what the system says".to_owned();
    for (kind, expected) in [
        (ConnectionReset, LinkDown::Closed),
        (BrokenPipe, LinkDown::Closed),
        (UnexpectedEof, LinkDown::Closed),
        (PermissionDenied, LinkDown::Unreachable(words())),
        (TimedOut, LinkDown::Failed(words())),
        (WriteZero, LinkDown::Failed(words())),
    ] {
        assert_eq!(
            link_down(&io::Error::new(kind, words())),
            expected,
            "{kind:?}"
        );
    }
}
