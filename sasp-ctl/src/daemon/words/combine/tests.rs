use proptest::prelude::*;

use super::*;

fn key(last: u8) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: [10, 0, 0, last].into(),
    }
}

fn word(flags: &str, weight: u16) -> Word {
    Word {
        contact: flags.contains('c'),
        quiesce: flags.contains('q'),
        confident: flags.contains('f'),
        by_lb: true,
        weight,
        state: 0,
    }
}

/// A group: `cf40` is a member with contact, confidence and weight 40; `-` is one that the GWM does not have.
fn group(members: &[&str]) -> GroupInput {
    let members = (1..).zip(members).filter(|(_, text)| **text != "-");
    GroupInput {
        freshness: Freshness::Live,
        converging: false,
        members: members
            .map(|(number, text)| {
                let (flags, weight) = text.split_at(text.find(char::is_numeric).unwrap());
                (key(number), word(flags, weight.parse().unwrap()))
            })
            .collect(),
    }
}

fn combined(mode: Combine, groups: &[&[&str]]) -> Vec<String> {
    let groups: Vec<_> = groups.iter().map(|members| group(members)).collect();
    let inputs: Vec<_> = groups.iter().collect();
    let text = |word: &Word| {
        let flag = |set, flag| if set { flag } else { "" };
        let (c, q, f) = (
            flag(word.contact, "c"),
            flag(word.quiesce, "q"),
            flag(word.confident, "f"),
        );
        format!("{c}{q}{f}{}", word.weight)
    };
    combine(mode, &inputs).members.values().map(text).collect()
}

#[test]
fn the_table_of_two_gwms_holds() {
    use Combine::{Mean, Min};
    for (mode, first, second, expected) in [
        // Scales do not matter: 20 of 40 is as much as 32767 of 65535.
        (
            Mean,
            ["cf40", "cf20"],
            ["cf64", "cf32"],
            ["cf65535", "cf32768"],
        ),
        (
            Mean,
            ["cf40", "cf20"],
            ["cf60", "cf60"],
            ["cf65535", "cf49151"],
        ),
        (
            Min,
            ["cf40", "cf20"],
            ["cf60", "cf60"],
            ["cf65535", "cf32768"],
        ),
        (
            Min,
            ["cf40", "cf20"],
            ["cf20", "cf40"],
            ["cf65535", "cf65535"],
        ),
        // One does not have the member, or is not sure of it: the other decides.
        (Mean, ["cf40", "cf20"], ["cf9", "-"], ["cf65535", "cf32768"]),
        (
            Mean,
            ["cf40", "cf20"],
            ["cf9", "c9"],
            ["cf65535", "cf32768"],
        ),
        (Mean, ["cf40", "cf20"], ["cf9", "0"], ["cf65535", "cf32768"]),
        // One is sure that there is no contact.
        (Mean, ["cf40", "cf20"], ["cf9", "f9"], ["cf65535", "f0"]),
        (Min, ["cf40", "c20"], ["cf9", "f9"], ["cf65535", "f0"]),
        // One says quiesce, sure or not.
        (Mean, ["cf40", "cf20"], ["cf9", "cqf0"], ["cf65535", "cqf0"]),
        (Mean, ["cf40", "cf20"], ["cf9", "q0"], ["cf65535", "cqf0"]),
        // Nobody is sure: not confident, in contact if one is.
        (Mean, ["cf40", "c20"], ["cf9", "0"], ["cf65535", "c0"]),
        (Mean, ["c40", "c20"], ["c9", "0"], ["c0", "c0"]),
        // Zero stays zero, and all zero is for the balancer to decide.
        (Min, ["cf40", "cf0"], ["cf9", "cf9"], ["cf65535", "cf0"]),
        (Mean, ["cf0", "cf0"], ["cf0", "cf0"], ["cf0", "cf0"]),
        (Mean, ["cf0", "cf0"], ["cf8", "cf4"], ["cf65535", "cf32768"]),
        // A weight that is not zero is never rounded to it.
        (
            Min,
            ["cf65535", "cf1"],
            ["cf65535", "cf1"],
            ["cf65535", "cf1"],
        ),
        (
            Mean,
            ["cf65535", "cf0"],
            ["cf65535", "cf1"],
            ["cf65535", "cf1"],
        ),
    ] {
        let found = combined(mode, &[&first, &second]);
        assert_eq!(found, expected, "{mode:?} {first:?} {second:?}");
    }
}

#[test]
fn a_gwm_that_is_alone_is_passed_on_as_it_is() {
    for mode in [Combine::Min, Combine::Mean] {
        assert_eq!(
            combined(mode, &[&["cf40", "cq3", "7"]]),
            ["cf40", "cq3", "7"]
        );
    }
}

#[test]
fn a_group_converges_as_long_as_it_does_everywhere() {
    for (first, second, expected) in [(true, true, true), (true, false, false)] {
        let converging = |converging| GroupInput {
            converging,
            ..group(&["cf1"])
        };
        let (first, second) = (converging(first), converging(second));
        let combined = combine(Combine::Mean, &[&first, &second]);
        assert_eq!(combined.converging, expected);
    }
}

fn any_word() -> impl Strategy<Value = Word> {
    let flags = prop::sample::select(vec!["cf", "cf", "cf", "c", "f", "", "cqf"]);
    let weight = prop_oneof![0..65_u16, any::<u16>()];
    (flags, weight).prop_map(|(flags, weight)| word(flags, weight))
}

fn any_group() -> impl Strategy<Value = GroupInput> {
    let members = prop::collection::btree_map((0..6_u8).prop_map(key), any_word(), 0..6);
    members.prop_map(|members| GroupInput {
        freshness: Freshness::Live,
        converging: false,
        members,
    })
}

proptest! {
    #[test]
    fn the_order_of_the_gwms_does_not_matter(
        (groups, shuffled) in prop::collection::vec(any_group(), 1..5)
            .prop_flat_map(|groups| (Just(groups.clone()), Just(groups).prop_shuffle())),
        mode in prop::sample::select(vec![Combine::Min, Combine::Mean]),
    ) {
        let groups: Vec<_> = groups.iter().collect();
        let shuffled: Vec<_> = shuffled.iter().collect();
        prop_assert_eq!(combine(mode, &groups), combine(mode, &shuffled));
    }

    #[test]
    fn gwms_that_agree_keep_their_ratios(
        group in any_group(),
        count in 2..5_usize,
        mode in prop::sample::select(vec![Combine::Min, Combine::Mean]),
    ) {
        let combined = combine(mode, &vec![&group; count]);
        let largest = u64::from(largest(&group));
        for (key, word) in &group.members {
            let found = &combined.members[key];
            prop_assert_eq!((found.contact, found.quiesce), (word.contact, word.quiesce));
            if !is_confident(word) {
                prop_assert!(!is_confident(found));
                continue;
            }
            // weight / largest = found / 65535, as near as 16 bits can say.
            let exact = u64::from(word.weight) * 65535;
            let difference = exact.abs_diff(u64::from(found.weight) * largest);
            prop_assert!(difference <= largest, "{} of {} is {}", word.weight, largest, found.weight);
            prop_assert_eq!(found.weight == 0, word.weight == 0);
        }
    }

    #[test]
    fn min_is_never_above_what_any_gwm_gives(
        groups in prop::collection::vec(any_group(), 2..5),
    ) {
        let inputs: Vec<_> = groups.iter().collect();
        let combined = combine(Combine::Min, &inputs);
        // The largest result is scaled up to 65535, so ratios are compared with it as the measure.
        for (key, found) in combined.members.iter().filter(|(_, word)| is_confident(word)) {
            for group in &groups {
                let Some(word) = group.members.get(key).filter(|word| is_confident(word)) else {
                    continue;
                };
                prop_assert!(word.weight > 0 || found.weight == 0, "{:?}", key);
            }
        }
        let confident = combined.members.values().filter(|word| is_confident(word));
        let weights: Vec<u16> = confident.map(|word| word.weight).collect();
        if weights.iter().any(|weight| *weight > 0) {
            prop_assert_eq!(weights.iter().max(), Some(&u16::MAX));
        }
    }
}
