//! Bounds.

use super::*;

#[test]
fn tallies_stop_at_their_bounds() {
    let (mut many, mut few) = (u64::MAX - 1, 1_usize);
    many.grow(5);
    few.shrink(5);
    assert_eq!((many, few), (u64::MAX, 0));
}

#[test]
fn a_deadline_may_be_as_far_away_as_a_setting_can_say() {
    let now = Instant::now();
    assert!(now.later(Duration::MAX) > now.later(Duration::from_secs(3600)));
    assert_eq!(
        now.later(Duration::from_secs(7)),
        now + Duration::from_secs(7)
    );
}
