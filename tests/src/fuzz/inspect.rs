//! A stream made readable: every byte is accounted for, and what is said of it are lines.

use sasp_ctl::inspect::conversation::Conversation;
use sasp_ctl::inspect::frames::{Frames, Piece};
use sasp_ctl::inspect::{Level, inspect as look_at, json, text};

/// Bytes as a stream that `sasp-ctl decode` explains.
///
/// # Panics
/// If bytes are lost or shown twice, or a good message is called wrong.
pub fn inspect(data: &[u8]) {
    let mut frames = Frames::default();
    let mut conversation = Conversation::default();
    let mut end = 0;
    frames.push(data);
    while let Some(piece) = frames.next_at_end() {
        let (offset, length) = match &piece {
            Piece::Message { offset, bytes } | Piece::Cut { offset, bytes, .. } => {
                look(bytes, &mut conversation);
                (*offset, bytes.len() as u64)
            }
            Piece::Skipped { offset, count, .. } => (*offset, *count),
        };
        assert_eq!(offset, end, "{piece:?} does not follow");
        assert!(length > 0, "{piece:?} is nothing");
        end = offset + length;
    }
    assert_eq!(end, data.len() as u64);
}

fn look(bytes: &[u8], conversation: &mut Conversation) {
    let mut inspection = look_at(bytes);
    if inspection.cause.is_none() {
        let mut remarks = inspection.remarks.iter();
        let wrong = remarks.find(|remark| remark.level == Level::Wrong);
        assert_eq!(wrong, None, "the codec takes it");
    }
    conversation.hear(&mut inspection, None);
    let lines = text::lines(&inspection);
    let title = text::title(&inspection);
    let is_safe = |line: &String| !line.chars().any(char::is_control);
    assert!(lines.iter().all(is_safe), "{lines:?}");
    assert!(is_safe(&title), "{title:?}");
    serde_json::to_vec(&json::message(&inspection)).expect("names are text");
}
