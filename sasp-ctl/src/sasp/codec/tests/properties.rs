//! Random messages survive; random damage never panics.

use proptest::prelude::*;

use super::super::{super::msg::strategy::message, decode, encode};

/// Whatever decodes says the same after encoding and decoding it again.
fn decodes_consistently_or_not_at_all(frame: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(decoded) = decode(frame) {
        let again = encode(&decoded.message).expect("what was decoded fits its counts");
        prop_assert_eq!(again.len(), frame.len());
        prop_assert_eq!(decode(&again).map(|d| d.message), Ok(decoded.message));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_message_survives_the_wire(message in message()) {
        let frame = encode(&message).unwrap();
        prop_assert_eq!(decode(&frame).map(|decoded| decoded.message), Ok(message));
    }

    #[test]
    fn no_message_decodes_when_cut_short(message in message()) {
        let frame = encode(&message).unwrap();
        for len in 0..frame.len() {
            prop_assert!(decode(&frame[..len]).is_err());
            // A header that tells the truth about the cut must not help.
            let mut cut = frame[..len].to_vec();
            if let Some(told) = cut.get_mut(5..9) {
                told.copy_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
            }
            prop_assert!(decode(&cut).is_err());
        }
    }

    #[test]
    fn no_message_decodes_with_bytes_behind_it(
        message in message(), extra in prop::collection::vec(any::<u8>(), 1..40)
    ) {
        let mut frame = encode(&message).unwrap();
        frame.extend(&extra);
        let len = u32::try_from(frame.len()).unwrap();
        frame[5..9].copy_from_slice(&len.to_be_bytes());
        prop_assert!(decode(&frame).is_err());
    }

    #[test]
    fn a_message_with_any_one_byte_changed_decodes_consistently_or_not_at_all(
        message in message(), value in any::<u8>()
    ) {
        let frame = encode(&message).unwrap();
        for at in 0..frame.len() {
            for value in [value, frame[at] ^ 1, frame[at].wrapping_add(1), 0, 0xff] {
                let mut damaged = frame.clone();
                damaged[at] = value;
                decodes_consistently_or_not_at_all(&damaged)?;
            }
        }
    }

    #[test]
    fn random_bytes_never_panic(mut frame in prop::collection::vec(any::<u8>(), 0..200)) {
        decodes_consistently_or_not_at_all(&frame)?;
        if let Some(header) = frame.first_chunk_mut::<9>() {
            *header = [0x20, 0x10, 0, 13, 1, 0, 0, 0, 0];
            frame[8] = u8::try_from(frame.len()).unwrap();
        }
        decodes_consistently_or_not_at_all(&frame)?;
    }
}
