//! Whatever decodes says the same when it is written again, and frames do not depend on how the stream was cut.

use sasp_ctl::sasp::{
    codec::{decode, encode},
    frame::{Deframer, HEADER_LEN},
};

use super::supply::Supply;

/// What frames may hold here.
const LIMIT: usize = 4096;

/// Bytes as one message.
///
/// # Panics
/// If the codec contradicts itself.
pub fn codec(data: &[u8]) {
    match decode(data) {
        Ok(decoded) => {
            let again = encode(&decoded.message).expect("what was decoded fits");
            // Deviations that were tolerated are not repeated; nothing else differs in length.
            assert_eq!(again.len(), data.len(), "{decoded:?}");
            let same = decode(&again).expect("what we write can be read");
            assert_eq!(same.message, decoded.message);
            assert_eq!(encode(&same.message).as_ref(), Ok(&again));
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
    }
}

/// Bytes as a stream, cut in two ways.
///
/// # Panics
/// If it matters how.
pub fn deframer(data: &[u8]) {
    let (sizes, stream) = data.split_at(data.len().min(4));
    let whole = frames(stream, &[u8::MAX]);
    let pieces = frames(stream, sizes);
    assert_eq!(whole, pieces);
    let (frames, ending) = whole;
    assert!(
        frames
            .iter()
            .all(|frame| (HEADER_LEN..=LIMIT).contains(&frame.len()))
    );
    let taken: usize = frames.iter().map(Vec::len).sum();
    assert_eq!(frames.concat(), stream[..taken]);
    if ending == Ending::Clean {
        assert_eq!(taken, stream.len());
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Clean,
    InMessage,
    Lost,
}

/// The messages of a stream that comes in pieces of these sizes.
fn frames(mut stream: &[u8], sizes: &[u8]) -> (Vec<Vec<u8>>, Ending) {
    let mut supply = Supply::new(sizes);
    let mut deframer = Deframer::new(LIMIT);
    let mut frames = Vec::new();
    while !stream.is_empty() {
        if supply.is_empty() {
            supply = Supply::new(sizes);
        }
        let size = usize::from(supply.u8()).max(1).min(stream.len());
        deframer.push(&stream[..size]);
        stream = &stream[size..];
        loop {
            match deframer.next() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(_) => return (frames, Ending::Lost),
            }
        }
    }
    let ending = if deframer.is_empty() {
        Ending::Clean
    } else {
        Ending::InMessage
    };
    (frames, ending)
}
