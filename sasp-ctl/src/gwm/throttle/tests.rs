use std::net::Ipv4Addr;

use super::*;

const REFUSED: Sort = Sort::Refused(Refusal::NoRoomForBalancer);

fn source(number: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + number).into()
}

/// How many of so many lines are written.
fn written(throttle: &mut Throttle, sort: Sort, from: u32, lines: u64) -> u64 {
    (0..lines)
        .map(|_| u64::from(throttle.admits(sort, source(from))))
        .sum()
}

#[test]
fn each_sort_and_source_has_its_lines_and_the_rest_is_counted() {
    let mut throttle = Throttle::default();
    for (sort, from) in [(REFUSED, 1), (REFUSED, 2), (Sort::Lost, 1)] {
        assert_eq!(written(&mut throttle, sort, from, LINES), LINES);
    }
    assert_eq!(written(&mut throttle, REFUSED, 2, 7), 0);
    let expected = KeptBack {
        sort: REFUSED,
        source: Some(source(2)),
        lines: 7,
    };
    assert_eq!(throttle.end_window(), [expected]);
}

#[test]
fn a_new_window_has_new_lines_and_nothing_to_report() {
    let mut throttle = Throttle::default();
    written(&mut throttle, REFUSED, 1, 100);
    throttle.end_window();
    assert_eq!(throttle.end_window(), []);
    assert_eq!(written(&mut throttle, REFUSED, 1, 100), LINES);
}

#[test]
fn more_sources_than_are_told_apart_share_their_lines_and_no_memory() {
    let mut throttle = Throttle::default();
    let last = u32::try_from(KEYS).unwrap() + 1000;
    for from in 0..last {
        throttle.admits(REFUSED, source(from));
    }
    assert_eq!(throttle.counts.len(), KEYS + 1);
    assert_eq!(
        written(&mut throttle, REFUSED, 0, 1),
        1,
        "those who came early keep their own"
    );
    let expected = KeptBack {
        sort: REFUSED,
        source: None,
        lines: 1000 - LINES,
    };
    assert_eq!(throttle.end_window(), [expected]);
}
