//! On any bytes: no panic, and never another opinion than the codec's.

use proptest::prelude::*;

use super::*;
use crate::sasp::msg::strategy;

/// All ways to look at a frame.
fn look(frame: &[u8]) -> Inspection {
    let inspection = inspect(frame);
    assert!(!as_text(&inspection).is_empty());
    assert!(
        serde_json::to_value(json::message(&inspection))
            .unwrap()
            .is_object()
    );
    inspection
}

fn is_wrong(inspection: &Inspection) -> bool {
    inspection
        .remarks
        .iter()
        .any(|remark| remark.level == Level::Wrong)
}

proptest! {
    #[test]
    fn any_bytes_can_be_looked_at(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        look(&bytes);
    }

    #[test]
    fn a_message_that_we_send_is_in_order(message in strategy::message()) {
        let inspection = look(&encode(&message).unwrap());
        prop_assert_eq!(&inspection.cause, &None);
        prop_assert!(!is_wrong(&inspection), "{:?}", inspection.remarks);
        prop_assert_eq!(inspection.kind(), Some(message.body.kind()));
        prop_assert_eq!(inspection.header(), Some((message.version, message.id)));
    }

    #[test]
    fn what_the_codec_refuses_is_wrong_and_nothing_else_is(
        message in strategy::message(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let mut frame = encode(&message).unwrap();
        let body = frame.len() - 13;
        for (index, value) in changes {
            frame[13 + index.index(body)] = value;
        }
        if let Some(cut) = cut {
            frame.truncate(17 + cut.index(frame.len() - 16));
            let length = u32::try_from(frame.len()).unwrap();
            frame[5..9].copy_from_slice(&length.to_be_bytes());
        }
        let inspection = look(&frame);
        prop_assert_eq!(inspection.cause.is_some(), is_wrong(&inspection), "{:?}", inspection);
    }
}
