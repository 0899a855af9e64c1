//! Noise control: which new weights are not worth moving slots for.

/// True if `after` may be ignored where `before` is in force: the same members get new flows, and no member's share
/// changes by more than `permille` thousandths of itself.
pub fn within(before: &[u32], after: &[u32], permille: u16) -> bool {
    let total = |weights: &[u32]| {
        weights
            .iter()
            .map(|&weight| u128::from(weight))
            .sum::<u128>()
    };
    let (total_before, total_after) = (total(before), total(after));
    before.iter().zip(after).all(|(&before, &after)| {
        if (before == 0) != (after == 0) {
            return false;
        }
        // Shares on a common denominator, and thousandths of them: below 2^32 × 2^48 × 1000.
        let was = u128::from(before) * total_after;
        let is = u128::from(after) * total_before;
        is.abs_diff(was) * 1000 <= was * u128::from(permille)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_shares_are_inside_a_band_of_zero() {
        assert!(within(&[1, 2], &[10, 20], 0));
        assert!(within(&[], &[], 0));
        assert!(within(&[0, 0], &[0, 0], 0));
        assert!(!within(&[64, 64], &[64, 63], 0));
    }

    #[test]
    fn the_band_is_relative_to_each_members_own_share() {
        // 100 → 101 of 1100: the small one gains 0.9 %, the large one loses 0.09 %.
        assert!(within(&[100, 1000], &[101, 1000], 10));
        assert!(!within(&[100, 1000], &[101, 1000], 9));
        // Seen from the small one, a large one's change is large.
        assert!(!within(&[1000, 10], &[900, 10], 100));
        assert!(within(&[1000, 10], &[900, 10], 111));
    }

    #[test]
    fn a_member_that_appears_or_goes_is_outside_any_band() {
        assert!(!within(&[0, 10], &[1, 10], u16::MAX));
        assert!(!within(&[1, 10], &[0, 10], u16::MAX));
        assert!(!within(&[0, 0], &[0, 1], u16::MAX));
    }

    #[test]
    fn the_largest_weights_do_not_overflow() {
        let most = vec![u32::MAX; 1 << 15];
        assert!(within(&most, &most, u16::MAX));
    }
}
