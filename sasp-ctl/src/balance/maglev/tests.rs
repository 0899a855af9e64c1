use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const SEED: u64 = 0x5eed;

fn key(number: u16) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 | u32::from(number))),
    }
}

fn members(weights: &[u32]) -> Vec<Weighted> {
    (1..)
        .zip(weights)
        .map(|(number, &weight)| Weighted {
            key: key(number),
            index: number,
            weight,
        })
        .collect()
}

fn counts(owners: &[u16], members: usize) -> Vec<u64> {
    let mut counts = vec![0; members];
    for &owner in owners {
        counts[usize::from(owner) - 1] += 1;
    }
    counts
}

fn moved(before: &[u16], after: &[u16]) -> usize {
    before.iter().zip(after).filter(|(a, b)| a != b).count()
}

/// Slots that change owner from one set of weights to another.
fn moves(before: &[u32], after: &[u32]) -> usize {
    moved(
        &owners(&members(before), SEED),
        &owners(&members(after), SEED),
    )
}

/// FNV-1a, 64 bits, of the owners' positions.
fn digest(owners: &[u16]) -> u64 {
    owners
        .iter()
        .flat_map(|owner| (owner - 1).to_le_bytes())
        .fold(0xcbf2_9ce4_8422_2325, |state, byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

#[test]
fn small_weights_get_their_shares_to_the_slot() {
    for (weights, wanted) in [
        (&[1, 2][..], &[21845, 43691][..]),
        (&[1, 1, 1, 4], &[9363, 9362, 9362, 37449]),
        (&[1], &[65536]),
        (&[1, 1], &[32768, 32768]),
        (&[1, 1, 1], &[21846, 21845, 21845]),
        (&[0, 5, 0], &[0, 65536, 0]),
        (&[40, 20], &[43691, 21845]),
        (&[65535, 1], &[65535, 1]),
        (&[u32::MAX, 1], &[65535, 1]),
    ] {
        let owners = owners(&members(weights), SEED);
        assert_eq!(counts(&owners, weights.len()), wanted, "{weights:?}");
    }
}

#[test]
fn members_too_small_for_a_slot_get_one_and_the_others_share_the_rest() {
    let mut weights = vec![1; 1000];
    weights.extend([65535, 65535, 2 * 65535]);
    let counts = counts(&owners(&members(&weights), SEED), weights.len());
    assert!(counts[..1000].iter().all(|&count| count == 1));
    assert_eq!(counts[1000..], [16134, 16134, 32268]);
}

#[test]
fn nobody_owns_a_slot_where_every_weight_is_zero() {
    assert_eq!(owners(&members(&[0, 0]), SEED), [NOBODY; SLOTS]);
    assert_eq!(owners(&[], SEED), [NOBODY; SLOTS]);
}

#[test]
fn only_the_ratio_of_weights_counts() {
    assert_eq!(moves(&[1, 2, 3], &[1000, 2000, 3000]), 0);
}

#[test]
fn one_64_to_63_of_20_moves_few_slots() {
    let before = [64; 20];
    let mut after = before;
    after[7] = 63;
    // The least possible is 49 slots; 0.2 % are 131.
    let moves = moves(&before, &after);
    assert!(moves <= 131, "{moves}");
}

#[test]
fn one_64_to_63_of_100_moves_few_slots() {
    let before = [64; 100];
    let mut after = before;
    after[42] = 63;
    // The least possible is 11 slots, 0.02 %.
    let moves = moves(&before, &after);
    assert!(moves <= 131, "{moves}");
}

#[test]
fn a_member_that_leaves_moves_little_more_than_its_own_slots() {
    for members in [3, 10, 100] {
        let before = vec![1; members];
        let mut after = before.clone();
        after[members / 2] = 0;
        let own = SLOTS / members;
        let others = moves(&before, &after) - own;
        assert!(others * 100 <= SLOTS * 2, "{members}: {others} of others");
    }
}

#[test]
fn the_table_is_what_it_was_in_the_last_release() {
    // Two balancers of different versions share flows by ECMP: a digest that changes here breaks them apart.
    for (weights, seed, wanted) in [
        (&[1, 2][..], 0, 0x9206_39a2_9ceb_ea54),
        (&[1, 1, 1, 4], 0, 0xf4c4_13bf_fd91_dd96),
        (&[64; 20], SEED, 0x15b3_355d_7582_31cd),
        (&[40, 20, 0, 7, 65535], u64::MAX, 0x1be3_4b08_328a_e832),
    ] {
        let digest = digest(&owners(&members(weights), seed));
        assert_eq!(digest, wanted, "{weights:?} {seed:#x}: {digest:#x}");
    }
    let v6 = Weighted {
        key: MemberKey {
            protocol: 17,
            port: 443,
            address: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        },
        index: 2,
        weight: 3,
    };
    let mixed = [members(&[5])[0], v6];
    assert_eq!(digest(&owners(&mixed, SEED)), 0x21cd_c790_c6c9_4c6d);
}

fn any_weights() -> impl Strategy<Value = Vec<u32>> {
    let weight = prop_oneof![
        1 => Just(0),
        4 => 1u32..=4,
        4 => 1u32..=64,
        2 => 1u32..=65535,
    ];
    prop::collection::vec(weight, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shares_are_exact_within_a_slot(weights in any_weights(), seed: u64) {
        let total: u64 = weights.iter().map(|&weight| u64::from(weight)).sum();
        prop_assume!(total > 0);
        let owners = owners(&members(&weights), seed);
        prop_assert_eq!(owners.len(), SLOTS);
        let counts = counts(&owners, weights.len());
        let small = |weight: u32| u64::from(weight) * (SLOTS as u64) < total;
        let any_small = weights.iter().any(|&weight| weight > 0 && small(weight));
        for (&weight, &count) in weights.iter().zip(&counts) {
            let share = u64::from(weight) * SLOTS as u64;
            prop_assert!((weight == 0) == (count == 0));
            if small(weight) {
                prop_assert!(count <= 1);
            } else if !any_small {
                prop_assert!((count * total).abs_diff(share) < total, "{} of {}", count, weight);
            }
        }
    }

    #[test]
    fn the_order_of_members_does_not_matter(weights in any_weights(), seed: u64, turn in 0usize..40) {
        let straight = members(&weights);
        let mut turned = straight.clone();
        turned.reverse();
        turned.rotate_left(turn % straight.len());
        prop_assert_eq!(owners(&straight, seed), owners(&turned, seed));
    }
}

/// Not a law: with rare seeds (1 of 3,000 random ones was seen to move 4 % of the slots) the preferences of two members
/// follow each other so closely that a small change runs through both.
#[test]
fn a_step_of_one_weight_moves_little_more_than_it_must_but_for_rare_seeds() {
    const CASES: usize = 300;
    // The same cases each time, or the rare ones would fail a run now and then.
    let mut state = 0x5eed_u64;
    let mut next = |bound: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % bound
    };
    let mut beyond = 0;
    for _ in 0..CASES {
        let mut weights: Vec<u32> = (0..2 + next(28)).map(|_| 8 + next(57) as u32).collect();
        let (seed, chosen) = (next(u64::MAX), next(weights.len() as u64) as usize);
        let before = owners(&members(&weights), seed);
        weights[chosen] -= 1;
        let after = owners(&members(&weights), seed);
        let must: u64 = counts(&before, weights.len())
            .iter()
            .zip(counts(&after, weights.len()))
            .map(|(before, after)| before.saturating_sub(after))
            .sum();
        let more = moved(&before, &after) - must as usize;
        beyond += usize::from(more * 100 > SLOTS);
    }
    assert!(beyond * 100 <= CASES, "{beyond} of {CASES} move 1 % more");
}
