//! Streams cut at every place, and streams that are no SASP.

use bytes::Bytes;
use proptest::prelude::*;

use super::{
    super::{codec::encode, msg::strategy},
    *,
};

const REPLY: [u8; 18] = [
    0x20, 0x10, 0, 13, 1, 0, 0, 0, 18, 0, 0, 0, 7, 0x10, 0x15, 0, 5, 0,
];

fn header(length: i32) -> Vec<u8> {
    [&[0x20, 0x10, 0, 13, 1][..], &length.to_be_bytes()].concat()
}

/// The first error after pushing one byte after the other, and how many bytes showed it.
fn first_error(bytes: &[u8], limit: usize) -> Option<(usize, FrameError)> {
    let mut deframer = Deframer::new(limit);
    bytes.iter().enumerate().find_map(|(at, byte)| {
        deframer.push(&[*byte]);
        deframer.next().err().map(|error| (at + 1, error))
    })
}

#[test]
fn two_messages_come_out_whole_wherever_the_stream_is_split() {
    let stream = [REPLY, REPLY].concat();
    for split in 0..=stream.len() {
        let mut deframer = Deframer::new(18);
        let mut frames = Vec::new();
        for part in [&stream[..split], &stream[split..]] {
            deframer.push(part);
            while let Some(frame) = deframer.next().unwrap() {
                frames.push(frame);
            }
        }
        assert_eq!(
            frames,
            [Bytes::from_static(&REPLY), Bytes::from_static(&REPLY)],
            "{split}"
        );
        assert!(deframer.is_empty());
    }
}

#[test]
fn the_end_of_the_stream_is_clean_only_between_messages() {
    let mut deframer = Deframer::new(100);
    assert!(deframer.is_empty());
    for (at, byte) in REPLY.iter().enumerate() {
        assert_eq!(deframer.next(), Ok(None));
        assert_eq!(deframer.is_empty(), at == 0);
        deframer.push(&[*byte]);
    }
    assert_eq!(deframer.next(), Ok(Some(Bytes::from_static(&REPLY))));
    assert!(deframer.is_empty());
}

#[test]
fn lost_framing_shows_at_the_first_byte_that_proves_it() {
    let length = |told| Some((9, FrameError::MessageLength(told)));
    let cases = [
        (
            b"GET / HTTP/1.1".to_vec(),
            Some((2, FrameError::NotSasp(Type(0x4745)))),
        ),
        (vec![0x20, 0x10, 0, 12, 1], None),
        (vec![0x20, 0x10, 0xff, 0xff, 9, 0, 0, 0, 17], None),
        (header(0), length(0)),
        (header(12), length(12)),
        (header(16), length(16)),
        (header(-1), length(-1)),
        (header(i32::MIN), length(i32::MIN)),
        (header(17), None),
        (header(1024), None),
        (
            header(1025),
            Some((
                9,
                FrameError::TooLong {
                    told: 1025,
                    limit: 1024,
                },
            )),
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(first_error(&bytes, 1024), expected, "{bytes:?}");
    }
}

#[test]
fn an_error_is_final_and_keeps_no_bytes() {
    let mut deframer = Deframer::new(100);
    deframer.push(&[0; 64]);
    let error = Err(FrameError::NotSasp(Type(0)));
    assert_eq!(deframer.next(), error);
    deframer.push(&REPLY);
    assert_eq!(deframer.next(), error);
    assert_eq!(deframer.buffer.capacity(), 0);
    assert!(!deframer.is_empty(), "this is no clean end");
}

#[test]
fn a_declared_length_allocates_nothing() {
    let mut deframer = Deframer::new(usize::MAX);
    deframer.push(&header(i32::MAX));
    assert_eq!(deframer.next(), Ok(None));
    assert!(deframer.buffer.capacity() < 1024);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_messages_in_any_pieces_come_out_as_they_were(
        messages in prop::collection::vec(strategy::message(), 0..4),
        pieces in prop::collection::vec(1_usize..60, 1..40),
    ) {
        let frames: Vec<_> =
            messages.iter().map(|message| Bytes::from(encode(message).unwrap())).collect();
        let stream = frames.concat();
        let mut rest = &stream[..];
        let mut sizes = pieces.iter().cycle();
        let mut deframer = Deframer::new(stream.len());
        let mut out = Vec::new();
        while !rest.is_empty() {
            let (piece, tail) = rest.split_at(rest.len().min(*sizes.next().unwrap()));
            deframer.push(piece);
            rest = tail;
            while let Some(frame) = deframer.next().unwrap() {
                out.push(frame);
            }
        }
        prop_assert_eq!(out, frames);
        prop_assert!(deframer.is_empty());
    }
}
