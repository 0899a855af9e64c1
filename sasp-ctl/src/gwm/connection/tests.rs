//! One conversation over a pipe, on a paused clock.

mod tls;

use tokio::io::{DuplexStream, duplex};

use super::*;
use crate::gwm::config::Config;
use crate::sasp::code::{Code, VERSION};
use crate::sasp::msg::{Body, Message, Name, SetLbStateRequest};

const PEER: &str = "192.0.2.1:1024";

fn request(id: u32) -> Vec<u8> {
    let body = Body::SetLbStateRequest(SetLbStateRequest {
        lb_uid: Name::new(*b"A").unwrap(),
        health: 0,
        flags: 0,
    });
    codec::encode(&Message {
        version: VERSION,
        id,
        body,
    })
    .unwrap()
}

/// A conversation over a pipe that holds `pipe` bytes each way; its other end, and how it will end.
fn start(pipe: usize) -> (DuplexStream, tokio::task::JoinHandle<End>) {
    let (ours, theirs) = duplex(pipe);
    let conversation = async move {
        let hub = Hub::new(&Config::default());
        let (id, signals) = hub.connect(PEER.parse().unwrap());
        converse(&hub, id, &signals, ours).await
    };
    (theirs, tokio::spawn(conversation))
}

#[tokio::test(start_paused = true)]
async fn requests_that_come_together_are_answered_in_order() {
    let (mut peer, _task) = start(1024);
    let requests: Vec<u8> = (0..3).flat_map(request).collect();
    peer.write_all(&requests).await.unwrap();
    let mut deframer = Deframer::new(1024);
    for id in 0..3 {
        let mut reply = [0; 18];
        peer.read_exact(&mut reply).await.unwrap();
        deframer.push(&reply);
        let frame = deframer.next().unwrap().unwrap();
        let message = codec::decode(&frame).unwrap().message;
        let body = Body::SetLbStateReply(Code::SUCCESS);
        assert_eq!(
            message,
            Message {
                version: VERSION,
                id,
                body
            }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_drips_in_ends_the_connection_after_its_time_and_not_before() {
    let (mut peer, task) = start(1024);
    let begun = Instant::now();
    for byte in request(1).into_iter().take(20) {
        if peer.write_all(&[byte]).await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(4)).await;
    }
    assert!(matches!(task.await.unwrap(), End::SlowMessage));
    assert!(begun.elapsed() >= MESSAGE_TIME);
}

#[tokio::test(start_paused = true)]
async fn a_slow_but_whole_message_is_answered_and_silence_between_messages_is_no_fault() {
    let (mut peer, _task) = start(1024);
    for id in 0..2 {
        for byte in request(id) {
            peer.write_all(&[byte]).await.unwrap();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        peer.read_exact(&mut [0; 18]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_takes_no_replies_is_given_up() {
    let (mut peer, task) = start(64);
    let sending = async { while peer.write_all(&request(1)).await.is_ok() {} };
    sending.await;
    assert!(matches!(task.await.unwrap(), End::Stalled));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_is_clean_between_messages_only() {
    for (length, clean) in [(0, true), (request(1).len(), true), (20, false)] {
        let (mut peer, task) = start(1024);
        peer.write_all(&request(1)[..length]).await.unwrap();
        peer.shutdown().await.unwrap();
        let end = task.await.unwrap();
        assert_eq!(matches!(end, End::Closed), clean, "{length}: {end}");
        assert_eq!(matches!(end, End::ClosedInside), !clean, "{length}: {end}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_sasp_ends_the_connection_at_its_second_byte() {
    let (mut peer, task) = start(1024);
    peer.write_all(b"GE").await.unwrap();
    assert!(matches!(task.await.unwrap(), End::FramingLost));
}
