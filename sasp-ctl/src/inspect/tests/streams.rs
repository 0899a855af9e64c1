//! Streams: split anywhere, damaged anywhere.

use proptest::prelude::*;

use super::*;
use crate::inspect::frames::{Frames, Piece};
use crate::sasp::frame::FrameError;

/// The pieces of a stream that comes in chunks of these sizes, and of its end.
fn pieces(stream: &[u8], sizes: &[usize]) -> Vec<Piece> {
    let mut frames = Frames::default();
    let mut pieces = Vec::new();
    let mut sizes = sizes.iter().copied().cycle();
    let mut rest = stream;
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(1).clamp(1, rest.len());
        let (now, later) = rest.split_at(size);
        frames.push(now);
        pieces.extend(std::iter::from_fn(|| frames.next_piece()));
        rest = later;
    }
    pieces.extend(std::iter::from_fn(|| frames.next_at_end()));
    assert!(frames.is_empty());
    pieces
}

fn messages(pieces: &[Piece]) -> Vec<Vec<u8>> {
    pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Message { bytes, .. } => Some(bytes.clone()),
            _ => None,
        })
        .collect()
}

proptest! {
    #[test]
    fn a_stream_that_is_split_anywhere_has_the_same_messages(
        sizes in proptest::collection::vec(1_usize..80, 1..20),
    ) {
        let samples = samples();
        prop_assert_eq!(messages(&pieces(&samples.concat(), &sizes)), samples);
    }

    #[test]
    fn every_byte_of_any_stream_is_in_one_piece(
        stream in proptest::collection::vec(prop_oneof![
            3 => any::<u8>().prop_map(|byte| vec![byte]),
            1 => Just(bytes(RFC_SECTION_8)),
            1 => Just(bytes("2010000d01")),
        ], 0..30).prop_map(|parts| parts.concat()),
        sizes in proptest::collection::vec(1_usize..80, 1..20),
    ) {
        let mut next = 0;
        for piece in pieces(&stream, &sizes) {
            let (offset, length) = match piece {
                Piece::Message { offset, bytes } | Piece::Cut { offset, bytes, .. } => {
                    (offset, bytes.len() as u64)
                }
                Piece::Skipped { offset, count, .. } => (offset, count),
            };
            prop_assert_eq!(offset, next);
            prop_assert!(length > 0);
            next += length;
        }
        prop_assert_eq!(next, stream.len() as u64);
    }
}

#[test]
fn after_garbage_it_goes_on_with_the_next_message() {
    let good = bytes(RFC_SECTION_8);
    let stream = [&b"GET / HTTP"[..], &good, &[0x20, 0x11, 0x00], &good].concat();
    let pieces = pieces(&stream, &[7]);
    assert_eq!(messages(&pieces), [good.clone(), good]);
    let skipped: Vec<_> = pieces
        .iter()
        .filter_map(|piece| match piece {
            Piece::Skipped {
                offset,
                count,
                reason,
            } => Some((*offset, *count, *reason)),
            _ => None,
        })
        .collect();
    assert_eq!(skipped.len(), 2);
    assert_eq!((skipped[0].0, skipped[0].1), (0, 10));
    assert_eq!((skipped[1].0, skipped[1].1), (116, 3));
    assert!(matches!(skipped[0].2, FrameError::NotSasp(_)));
}

#[test]
fn a_length_that_swallows_the_next_message_does_not_at_the_end() {
    let mut bad = bytes(RFC_SECTION_8);
    bad[7] = 0x01;
    let good = bytes(RFC_SECTION_8);
    let pieces = pieces(&[bad.clone(), good.clone()].concat(), &[1000]);
    let cut = Piece::Cut {
        offset: 0,
        bytes: bad,
        told: Some(0x16a),
    };
    assert_eq!(pieces[0], cut);
    assert_eq!(messages(&pieces), [good]);
}

#[test]
fn no_message_is_awaited_that_is_longer_than_any_balancer_takes() {
    let pieces = pieces(&bytes("2010000d01 7fffffff 00000001 1015 0005 00"), &[1000]);
    assert!(matches!(
        pieces[0],
        Piece::Skipped {
            reason: FrameError::TooLong { .. },
            ..
        }
    ));
}
