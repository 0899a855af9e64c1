//! `sasp-ctl decode`'s look at a stream: every byte is accounted for, whatever it is.

use sasp_ctl::inspect::frames::{Frames, Piece};
use sasp_ctl::inspect::{json, message::inspect, text};

/// Bytes as a captured stream.
///
/// # Panics
/// If bytes are lost or told twice, or a message cannot be shown.
pub fn inspection(data: &[u8]) {
    let mut frames = Frames::default();
    let mut end = 0;
    for half in data.chunks(data.len() / 2 + 1) {
        frames.push(half);
        while let Some(piece) = frames.next_piece() {
            end = shown(&piece, end);
        }
    }
    while let Some(piece) = frames.next_at_end() {
        end = shown(&piece, end);
    }
    assert_eq!(end, data.len() as u64, "some bytes were not told of");
}

/// Where the piece ends, which begins where the last one ended.
fn shown(piece: &Piece, begin: u64) -> u64 {
    let (offset, length) = match piece {
        Piece::Message { offset, bytes } | Piece::Cut { offset, bytes, .. } => {
            let inspection = inspect(bytes);
            assert!(!text::title(&inspection).is_empty());
            let lines = text::lines(&inspection);
            let is_safe = |line: &String| !line.chars().any(char::is_control);
            assert!(lines.iter().all(is_safe), "{lines:?}");
            serde_json::to_value(json::message(&inspection)).expect("JSON");
            (*offset, bytes.len() as u64)
        }
        Piece::Skipped { offset, count, .. } => (*offset, *count),
    };
    assert_eq!(offset, begin, "bytes were left out or told twice");
    offset + length
}
