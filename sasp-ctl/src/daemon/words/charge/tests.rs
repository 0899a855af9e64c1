use proptest::prelude::*;

use super::*;

const FAIL_BACK: Duration = Duration::from_secs(300);

/// Everything happens after this.
fn at(seconds: u64) -> Instant {
    use std::sync::LazyLock;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    *START + Duration::from_secs(seconds)
}

fn trying(until: u64) -> Standing {
    Standing::Trying { until: at(until) }
}

fn live(since: u64) -> Standing {
    Standing::Live { since: at(since) }
}

/// A row: how the GWMs stand, who is in charge, what the time is, and what follows.
type Row = (
    &'static str,
    Vec<Standing>,
    Option<usize>,
    u64,
    Option<(usize, Why)>,
);

#[test]
fn who_is_in_charge_follows_from_how_they_stand() {
    use Standing::Down;
    let rows: [Row; 15] = [
        ("nobody", vec![], None, 0, None),
        (
            "the first at the start",
            vec![trying(10), trying(10)],
            None,
            0,
            Some((0, Why::Configured)),
        ),
        (
            "the first that is well, if one is",
            vec![Down, live(0)],
            None,
            5,
            Some((1, Why::Configured)),
        ),
        (
            "the first is given time to come up",
            vec![trying(10), live(1)],
            Some(0),
            9,
            None,
        ),
        (
            "but no more than that",
            vec![trying(10), live(1)],
            Some(0),
            10,
            Some((1, Why::NotUp)),
        ),
        (
            "nobody is better",
            vec![trying(10), trying(10)],
            Some(0),
            20,
            None,
        ),
        ("well", vec![live(0), live(0)], Some(0), 999, None),
        (
            "lost, and another is well",
            vec![Down, live(3)],
            Some(0),
            4,
            Some((1, Why::Lost)),
        ),
        (
            "lost, and nobody is well",
            vec![Down, trying(10), Down],
            Some(0),
            4,
            None,
        ),
        (
            "the best of those that are well",
            vec![Down, trying(10), live(3), live(1)],
            Some(0),
            4,
            Some((2, Why::Lost)),
        ),
        (
            "a preferred one that is just back waits",
            vec![live(100), live(0)],
            Some(1),
            399,
            None,
        ),
        (
            "until it has been well for long enough",
            vec![live(100), live(0)],
            Some(1),
            400,
            Some((0, Why::FailBack)),
        ),
        (
            "unless the one in charge is lost",
            vec![live(100), Down],
            Some(1),
            101,
            Some((0, Why::Lost)),
        ),
        (
            "a less preferred one never comes back",
            vec![live(100), live(0)],
            Some(0),
            9999,
            None,
        ),
        (
            "the one in between may be back first",
            vec![live(300), live(100), live(0)],
            Some(2),
            400,
            Some((1, Why::FailBack)),
        ),
    ];
    for (what, standings, current, now, expected) in rows {
        let next = next(&standings, current, FAIL_BACK, at(now));
        assert_eq!(next, expected, "{what}");
    }
}

#[test]
fn the_deadline_is_when_a_better_one_is_back_or_patience_ends() {
    let back = vec![live(300), live(100), live(0)];
    let due = |standings: &[Standing], current, decided| {
        deadline(standings, Some(current), FAIL_BACK, at(decided))
    };
    assert_eq!(due(&back, 2, 0), Some(at(400)));
    assert_eq!(due(&back, 1, 0), Some(at(600)));
    assert_eq!(due(&back, 0, 0), None);
    assert_eq!(due(&[trying(10), live(0)], 0, 1), Some(at(10)));
    assert_eq!(due(&[trying(10)], 0, 10), None, "that was looked at");
    assert_eq!(deadline(&back, None, FAIL_BACK, at(0)), None);
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        (0..1000_u64).prop_map(trying),
        Just(Standing::Down),
        (0..1000_u64).prop_map(live),
    ]
}

proptest! {
    #[test]
    fn a_decision_stands_until_its_deadline(
        standings in prop::collection::vec(standing(), 1..5),
        current in any::<prop::sample::Index>(),
        now in 1000..2000_u64,
        later in 0..1000_u64,
    ) {
        let mut current = current.index(standings.len());
        if let Some((to, _)) = next(&standings, Some(current), FAIL_BACK, at(now)) {
            prop_assert_ne!(to, current);
            prop_assert!(standings[to].live_since().is_some());
            current = to;
        }
        // Who takes over because of a loss may have to make way for one that is back already.
        while let Some((to, _)) = next(&standings, Some(current), FAIL_BACK, at(now)) {
            prop_assert!(to < current);
            current = to;
        }
        let due = deadline(&standings, Some(current), FAIL_BACK, at(now));
        let later = at(now + later);
        let change = next(&standings, Some(current), FAIL_BACK, later);
        if due.is_none_or(|due| later < due) {
            prop_assert_eq!(change, None);
        }
    }
}
