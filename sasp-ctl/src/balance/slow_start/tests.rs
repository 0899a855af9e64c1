use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000_000;
const MINUTE: Option<Duration> = Some(Duration::from_secs(60));
/// When members begin in these tests.
const T0: u64 = 100 * SECOND;

#[test]
fn a_member_grows_from_a_sixteenth_to_its_whole_weight() {
    let ramp = Ramp::Out.at(true, MINUTE, T0);
    assert_eq!(ramp, Ramp::Since(T0));
    for (seconds, steps, next) in [
        (0.0, 1, Some(7.5)),
        (7.4, 1, Some(7.5)),
        (7.5, 2, Some(11.25)),
        (30.0, 8, Some(33.75)),
        (59.9, 15, Some(60.0)),
    ] {
        let now = T0 + (seconds * SECOND as f64) as u64;
        assert_eq!(ramp.at(true, MINUTE, now), ramp, "{seconds}");
        assert_eq!(ramp.steps(MINUTE, now), steps, "{seconds}");
        let due = next.map(|seconds| T0 + (seconds * SECOND as f64) as u64);
        assert_eq!(ramp.next_step_ns(MINUTE, steps), due, "{seconds}");
        let left = MINUTE.unwrap() - Duration::from_nanos(now - T0);
        assert_eq!(ramp.left(MINUTE, now), left);
    }
    let full = ramp.at(true, MINUTE, T0 + 60 * SECOND);
    assert_eq!(full, Ramp::Full);
    assert_eq!(full.steps(MINUTE, T0 + 60 * SECOND), STEPS);
    assert_eq!(full.next_step_ns(MINUTE, STEPS), None);
}

#[test]
fn who_gets_no_new_flows_begins_again() {
    for ramp in [Ramp::Out, Ramp::Since(T0), Ramp::Full] {
        let out = ramp.at(false, MINUTE, T0 + SECOND);
        assert_eq!(out, Ramp::Out, "{ramp:?}");
        assert_eq!(
            out.at(true, MINUTE, T0 + 9 * SECOND),
            Ramp::Since(T0 + 9 * SECOND)
        );
    }
}

#[test]
fn without_slow_start_everybody_is_whole_at_once() {
    for ramp in [Ramp::Out, Ramp::Since(T0), Ramp::Full] {
        assert_eq!(ramp.at(true, None, T0), Ramp::Full);
        assert_eq!(ramp.at(false, None, T0), Ramp::Out);
        assert_eq!(ramp.steps(None, T0), STEPS);
        assert_eq!(ramp.next_step_ns(None, 1), None);
        assert_eq!(ramp.left(None, T0), Duration::ZERO);
    }
}

#[test]
fn the_first_nanosecond_of_the_clock_is_a_time_like_any_other() {
    let ramp = Ramp::Out.at(true, MINUTE, 0);
    assert_eq!(ramp, Ramp::Since(1));
    assert_eq!(ramp.steps(MINUTE, 0), 1);
}

fn weights(members: &[(u32, u32)]) -> Vec<u32> {
    let members: Vec<Ramping> = members
        .iter()
        .map(|&(weight, steps)| Ramping { weight, steps })
        .collect();
    ramped(&members)
}

#[test]
fn weights_stand_as_they_are_unless_somebody_ramps() {
    assert_eq!(weights(&[(40, 16), (20, 16), (0, 1)]), [40, 20, 0]);
    assert_eq!(weights(&[]), [0; 0]);
    // A weight of 1 has its steps, too.
    assert_eq!(weights(&[(1, 1), (2, 16), (0, 16)]), [1, 32, 0]);
    assert_eq!(weights(&[(1, 9), (1, 16)]), [9, 16]);
    // Who ramps together stays in proportion.
    assert_eq!(weights(&[(40, 3), (20, 3)]), [120, 60]);
    assert_eq!(weights(&[(65_535, 16), (65_535, 1)]), [1_048_560, 65_535]);
}

proptest! {
    #[test]
    fn a_ramp_only_grows_and_every_step_of_it_is_announced(
        length in 1_u64..100_000_000_000,
        waits in prop::collection::vec(0_u64..30_000_000_000, 1..40),
    ) {
        let slow_start = Some(Duration::from_nanos(length));
        let (mut now, mut ramp) = (T0, Ramp::Out.at(true, slow_start, T0));
        let mut steps = ramp.steps(slow_start, now);
        prop_assert_eq!(steps, 1);
        for wait in waits {
            let due = ramp.next_step_ns(slow_start, steps);
            now += wait;
            ramp = ramp.at(true, slow_start, now);
            let after = ramp.steps(slow_start, now);
            prop_assert!(after >= steps);
            prop_assert_eq!(after > steps, due.is_some_and(|due| due <= now));
            prop_assert_eq!(ramp == Ramp::Full, now - T0 >= length);
            steps = after;
        }
    }
}
