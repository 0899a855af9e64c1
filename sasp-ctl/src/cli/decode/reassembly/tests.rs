use proptest::prelude::*;

use super::*;

const START: u32 = u32::MAX - 50;

/// Messages of different length, told apart by their ids.
fn messages(count: u32) -> Vec<Vec<u8>> {
    (0..count)
        .map(|id| {
            let label = vec![0xaa; id as usize % 40];
            let length = 13 + 5 + label.len() as u32;
            let header = [
                &[0x20, 0x10, 0, 13, 1][..],
                &length.to_be_bytes(),
                &id.to_be_bytes(),
            ];
            [&header.concat()[..], &[0x10, 0x15, 0, 5, 0], &label].concat()
        })
        .collect()
}

fn heard(events: &[Event]) -> Vec<Vec<u8>> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Piece(Piece::Message { bytes, .. }) => Some(bytes.clone()),
            _ => None,
        })
        .collect()
}

fn gaps(events: &[Event]) -> Vec<u64> {
    events
        .iter()
        .filter_map(|event| match event {
            Event::Gap(missing) => Some(*missing),
            Event::Piece(_) => None,
        })
        .collect()
}

/// Segments of these sizes: sequence numbers and payloads.
fn segments(stream: &[u8], sizes: &[usize]) -> Vec<(u32, Vec<u8>)> {
    let mut sizes = sizes.iter().cycle();
    let mut at = 0;
    let mut segments = Vec::new();
    while at < stream.len() {
        let size = sizes
            .next()
            .copied()
            .unwrap_or(1)
            .clamp(1, stream.len() - at);
        let sequence = START.wrapping_add(1).wrapping_add(at as u32);
        segments.push((sequence, stream[at..at + size].to_vec()));
        at += size;
    }
    segments
}

fn started() -> Direction {
    let mut direction = Direction::default();
    direction.start(START);
    direction
}

fn all(direction: &mut Direction, segments: &[(u32, Vec<u8>)]) -> Vec<Event> {
    let mut events = Vec::new();
    for (sequence, payload) in segments {
        events.extend(direction.segment(*sequence, payload, 0));
    }
    events.extend(direction.finish());
    assert_eq!(direction.kept(), 0);
    events
}

proptest! {
    #[test]
    fn order_repetition_and_overlap_change_nothing(
        sizes in proptest::collection::vec(1_usize..60, 1..10),
        swaps in proptest::collection::vec((any::<prop::sample::Index>(), 1_usize..20), 0..40),
        repeats in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..20),
    ) {
        let messages = messages(30);
        let mut segments = segments(&messages.concat(), &sizes);
        for (index, distance) in swaps {
            let a = index.index(segments.len());
            let b = (a + distance).min(segments.len() - 1);
            segments.swap(a, b);
        }
        for (which, place) in repeats {
            // The end of one segment again, as a retransmission that was cut differently.
            let (sequence, payload) = segments[which.index(segments.len())].clone();
            let cut = place.index(payload.len());
            let again = (sequence.wrapping_add(cut as u32), payload[cut..].to_vec());
            segments.insert(place.index(segments.len()), again);
        }
        let events = all(&mut started(), &segments);
        prop_assert_eq!(heard(&events), messages);
        prop_assert_eq!(gaps(&events), Vec::<u64>::new());
    }

    #[test]
    fn any_segments_end_without_panic_and_leave_nothing(
        segments in proptest::collection::vec(
            (any::<u32>(), proptest::collection::vec(any::<u8>(), 0..40), 0_usize..5),
            0..60,
        ),
    ) {
        let mut direction = Direction::default();
        for (sequence, payload, missing) in &segments {
            direction.segment(*sequence, payload, *missing);
        }
        direction.finish();
        prop_assert_eq!(direction.kept(), 0);
    }
}

#[test]
fn behind_what_was_not_captured_it_goes_on() {
    let messages = messages(3);
    let stream = messages.concat();
    let second = messages[0].len()..messages[0].len() + messages[1].len();
    let mut segments = segments(&stream, &[1]);
    segments.drain(second.clone());
    let events = all(&mut started(), &segments);
    assert_eq!(heard(&events), [messages[0].clone(), messages[2].clone()]);
    assert_eq!(gaps(&events), [second.len() as u64]);
    let offsets: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Piece(Piece::Message { offset, .. }) => Some(*offset),
            _ => None,
        })
        .collect();
    assert_eq!(offsets, [0, second.end as u64]);
}

#[test]
fn a_message_with_a_hole_is_shown_as_far_as_it_goes() {
    let messages = messages(3);
    let mut segments = segments(&messages.concat(), &[1]);
    segments.remove(messages[0].len() + 15);
    let events = all(&mut started(), &segments);
    assert_eq!(heard(&events), [messages[0].clone(), messages[2].clone()]);
    assert!(events.iter().any(|event| matches!(
        event,
        Event::Piece(Piece::Cut { bytes, .. }) if bytes.len() == 15
    )));
    assert_eq!(gaps(&events), [1]);
}

#[test]
fn packets_that_were_cut_short_leave_gaps_of_their_size() {
    let messages = messages(3);
    let mut direction = started();
    let mut events = direction.segment(START.wrapping_add(1), &messages[0], 0);
    let at = |index: usize| {
        let before: usize = messages[..index].iter().map(Vec::len).sum();
        START.wrapping_add(1).wrapping_add(before as u32)
    };
    let missing = messages[1].len() - 4;
    events.extend(direction.segment(at(1), &messages[1][..4], missing));
    events.extend(direction.segment(at(2), &messages[2], 0));
    assert_eq!(heard(&events), [messages[0].clone(), messages[2].clone()]);
    assert_eq!(gaps(&events), [missing as u64]);
}

#[test]
fn a_missing_segment_is_awaited_for_a_while_only() {
    let stream = messages(200).concat();
    let mut direction = started();
    let mut heard_before_the_end = 0;
    for (sequence, payload) in segments(&stream, &[10]).iter().skip(1) {
        heard_before_the_end += heard(&direction.segment(*sequence, payload, 0)).len();
        assert!(direction.waiting.len() <= WAITING_SEGMENTS_MAX);
    }
    assert!(heard_before_the_end > 150, "{heard_before_the_end}");
}

#[test]
fn a_connection_in_the_middle_starts_with_what_is_there() {
    let messages = messages(2);
    let stream = messages.concat();
    let mut direction = Direction::default();
    let events = all(&mut direction, &[(77, stream[5..].to_vec())]);
    assert_eq!(heard(&events), [messages[1].clone()]);
    let first = messages[0].len() as u64 - 5;
    assert!(
        matches!(events[0], Event::Piece(Piece::Skipped { offset: 0, count, .. }) if count == first)
    );
}
