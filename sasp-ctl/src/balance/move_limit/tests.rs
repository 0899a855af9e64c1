use std::time::Duration;

use proptest::prelude::*;
use sasp_xdp_common::abi::backend::NOBODY;

use super::*;
use crate::balance::maglev::{Weighted, owners};
use crate::sasp::msg::MemberKey;

const SECOND: u64 = 1_000_000_000;

fn limit(permille: u16) -> MoveLimit {
    MoveLimit {
        permille,
        interval: Duration::from_secs(10),
    }
}

/// The table of members 1, 2, … with these weights.
fn table(weights: &[u32]) -> Vec<Index> {
    let weighted = |(number, &weight): (Index, &u32)| Weighted {
        key: MemberKey {
            protocol: 6,
            port: 80,
            address: [10, 0, 0, number as u8].into(),
        },
        index: number,
        weight,
    };
    let members: Vec<Weighted> = (1..).zip(weights).map(weighted).collect();
    owners(&members, 4678)
}

fn slots(owners: &[Index], index: Index) -> usize {
    owners.iter().filter(|&&owner| owner == index).count()
}

fn differ(one: &[Index], other: &[Index]) -> usize {
    one.iter().zip(other).filter(|(a, b)| a != b).count()
}

/// Who gets new flows: those of `weights` above 0.
fn alive(weights: &[u32]) -> impl Fn(Index) -> bool {
    move |index| index != NOBODY && weights[usize::from(index) - 1] > 0
}

#[test]
fn a_limit_is_a_share_of_the_slots_but_never_nothing() {
    for (permille, slots) in [(1000, 65_536), (100, 6553), (1, 65)] {
        assert_eq!(limit(permille).slots(), slots);
    }
}

#[test]
fn a_budget_is_whole_again_an_interval_after_the_last_move() {
    let limit = limit(100);
    let mut budget = Budget::default();
    assert_eq!(budget.left(&limit, 0), 6553);
    budget.spend(0, &limit, 5);
    assert_eq!(budget, Budget::default(), "nothing moved, nothing spent");
    budget.spend(6000, &limit, SECOND);
    assert_eq!(budget.left(&limit, 2 * SECOND), 553);
    budget.spend(553, &limit, 9 * SECOND);
    assert_eq!(budget.left(&limit, 11 * SECOND), 0);
    assert_eq!(budget.whole_ns(&limit), 19 * SECOND);
    assert_eq!(budget.left(&limit, 19 * SECOND), 6553);
    budget.spend(1, &limit, 19 * SECOND);
    assert_eq!(budget.left(&limit, 19 * SECOND), 6552);
    assert_eq!(Budget::spent(SECOND).left(&limit, 10 * SECOND), 0);
    assert_eq!(Budget::spent(SECOND).left(&limit, 11 * SECOND), 6553);
}

#[test]
fn new_weights_arrive_step_by_step() {
    let (before, weights) = (table(&[1, 1]), [3, 1]);
    let wanted = table(&weights);
    let (mut present, mut steps) = (before.clone(), 0);
    loop {
        let distance = differ(&present, &wanted);
        let held = slots(&present, 1);
        let step = step(&present, &wanted, alive(&weights), 6553);
        assert_eq!(differ(&present, &step.owners), step.moved);
        assert_eq!(step.left, distance - step.moved);
        assert_eq!(step.moved, distance.min(6553));
        assert!(slots(&step.owners, 1) > held, "each step brings more");
        present = step.owners;
        steps += 1;
        if step.left == 0 {
            break;
        }
    }
    assert_eq!(present, wanted);
    assert_eq!(steps, differ(&before, &wanted).div_ceil(6553));
}

#[test]
fn whoever_may_get_no_new_flows_loses_all_slots_at_once() {
    let before = table(&[5, 5, 5, 5]);
    // A site of two goes; the weights of the others change, too.
    let weights = [0, 0, 9, 1];
    let wanted = table(&weights);
    let after = step(&before, &wanted, alive(&weights), 0);
    assert_eq!((slots(&after.owners, 1), slots(&after.owners, 2)), (0, 0));
    assert_eq!(after.moved, 0, "and that is not what is limited");
    assert!(after.left > 0);
    for (at, &owner) in after.owners.iter().enumerate() {
        let expected = if before[at] > 2 {
            before[at]
        } else {
            wanted[at]
        };
        assert_eq!(owner, expected);
    }
}

#[test]
fn whoever_gets_new_flows_again_has_its_slots_at_once() {
    let (before, weights) = (table(&[1, 2, 0]), [2, 1, 3]);
    let wanted = table(&weights);
    let after = step(&before, &wanted, alive(&weights), 0);
    assert_eq!(slots(&after.owners, 3), slots(&wanted, 3));
    assert!(after.left > 0, "the other two wait");
}

#[test]
fn a_first_table_and_a_last_one_know_no_limit() {
    let weights = [1, 2];
    let nobody = vec![NOBODY; SLOTS];
    let first = step(&nobody, &table(&weights), alive(&weights), 0);
    assert_eq!(first.owners, table(&weights));
    let last = step(&first.owners, &nobody, alive(&[0, 0]), 0);
    assert_eq!((last.owners, last.left), (nobody, 0));
}

#[test]
fn a_member_never_has_no_slot_on_the_way() {
    // It has one slot and is to have another one.
    let mut before = vec![1; SLOTS];
    before[7] = 2;
    let mut wanted = vec![1; SLOTS];
    wanted[9] = 2;
    wanted[11] = 2;
    let after = step(&before, &wanted, |_| true, 1);
    assert_eq!(after.owners[9], 2, "this one it keeps to the end");
    assert_eq!((after.moved, after.left), (1, 1));
    assert!(slots(&after.owners, 2) >= 1);
}

#[test]
fn what_brings_shares_nearer_comes_before_what_is_only_exchanged() {
    let mut before = vec![1; SLOTS];
    before[..100].fill(2);
    before[200..300].fill(3);
    let mut wanted = before.clone();
    // 1 and 2 exchange a slot each, 3 gets one of 1's.
    wanted[1] = 1;
    wanted[150] = 2;
    wanted[60_000] = 3;
    let after = step(&before, &wanted, |_| true, 1);
    assert_eq!(after.owners[60_000], 3);
    assert_eq!(after.left, 2);
}

fn any_weights() -> impl Strategy<Value = Vec<u32>> {
    let weight = prop_oneof![1 => Just(0_u32), 3 => 1..4_u32, 3 => 1..65_536_u32];
    prop::collection::vec(weight, 5)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_weights_are_reached_in_as_many_steps_as_were_announced(
        history in prop::collection::vec(any_weights(), 1..4),
        weights in any_weights(),
        permille in 50_u16..1000,
    ) {
        let limit = limit(permille);
        let mut present = vec![NOBODY; SLOTS];
        // From wherever other weights have led, but not to their end.
        for weights in &history {
            present = step(&present, &table(weights), alive(weights), limit.slots()).owners;
        }
        let wanted = table(&weights);
        let first = step(&present, &wanted, alive(&weights), limit.slots());
        let mut announced = steps_left(first.left, &limit);
        let mut present = first.owners;
        while announced > 0 {
            for index in 1..=5 {
                let weighs = weights[usize::from(index) - 1] > 0;
                prop_assert_eq!(slots(&present, index) > 0, weighs, "{}", index);
            }
            let next = step(&present, &wanted, alive(&weights), limit.slots());
            prop_assert!(next.moved <= limit.slots());
            prop_assert_eq!(differ(&present, &next.owners), next.moved, "nothing is urgent twice");
            announced -= 1;
            prop_assert_eq!(steps_left(next.left, &limit), announced);
            present = next.owners;
        }
        prop_assert_eq!(present, wanted);
    }
}
