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
fn a_seed_whose_bare_skips_are_near_multiples_of_each_other_moves_few_slots_now() {
    // Their arithmetic progressions follow each other: unscrambled, this step moved a tenth of all slots.
    let owners = |weights: &[u32]| owners(&members(weights), 13_009_893_594_636_722_317);
    let moves = moved(&owners(&[8, 8, 14, 8, 8]), &owners(&[8, 8, 13, 8, 8]));
    // The least possible is 995 slots, 1.5 %.
    assert!(moves <= 1311, "{moves}");
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
    let v6 = Weighted {
        key: MemberKey {
            protocol: 17,
            port: 443,
            address: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        },
        index: 2,
        weight: 3,
    };
    let digests = [
        (members(&[1, 2]), 0),
        (members(&[1, 1, 1, 4]), 0),
        (members(&[64; 20]), SEED),
        (members(&[40, 20, 0, 7, 65535]), u64::MAX),
        (vec![members(&[5])[0], v6], SEED),
    ]
    .map(|(members, seed)| digest(&owners(&members, seed)));
    let wanted = [
        0xae7a_f823_e45f_fc5c,
        0x4e9d_546a_c336_d756,
        0x07c8_51b1_c097_b04d,
        0x1f8a_c2f2_8189_e102,
        0xb16a_e5d4_04ab_bc9d,
    ];
    assert_eq!(digests, wanted, "{digests:#x?}");
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

/// Weights that bare arithmetic progressions were worst at: few members and small numbers, equal ones among them.
fn small_weights() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        prop::collection::vec(1u32..=8, 2..12),
        prop::collection::vec(8u32..=64, 2..30),
        (1u32..=16, 2usize..20).prop_map(|(weight, members)| vec![weight; members]),
    ]
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

    #[test]
    fn each_member_prefers_every_slot_once(key: u64) {
        let mut preferences = Preferences::new(key);
        let mut seen = vec![false; SLOTS];
        for _ in 0..SLOTS {
            let slot = usize::from(preferences.take());
            prop_assert!(!std::mem::replace(&mut seen[slot], true), "{} twice", slot);
        }
    }

    // Measured over 400,000 random cases: 0.35 % more at worst; over 12,000 where a member leaves: 0.54 %.
    #[test]
    fn a_step_of_one_weight_moves_little_more_than_it_must(
        mut weights in small_weights(),
        seed: u64,
        chosen: prop::sample::Index,
    ) {
        let before = owners(&members(&weights), seed);
        *chosen.get_mut(&mut weights) -= 1;
        let after = owners(&members(&weights), seed);
        let must: u64 = counts(&before, weights.len())
            .iter()
            .zip(counts(&after, weights.len()))
            .map(|(before, after)| before.saturating_sub(after))
            .sum();
        let more = moved(&before, &after) - must as usize;
        prop_assert!(more * 100 <= SLOTS, "{} must move, {} more do", must, more);
    }
}
