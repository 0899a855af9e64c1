//! Tables of readings and what they say together.

use proptest::prelude::*;

use super::*;

const NOTHING: Reading = Reading {
    heard: false,
    confident: false,
    contact: None,
    quiesce: false,
    weight: None,
    percent: None,
};
const HEARD: Reading = Reading {
    heard: true,
    confident: true,
    ..NOTHING
};
/// A probe that has no result yet.
const PENDING: Reading = Reading {
    contact: Some(false),
    ..NOTHING
};
const UP: Reading = Reading {
    contact: Some(true),
    ..HEARD
};
const DOWN: Reading = Reading {
    contact: Some(false),
    ..HEARD
};

const fn weighs(weight: u16) -> Reading {
    Reading {
        weight: Some(weight),
        ..HEARD
    }
}

const fn percent(percent: u16) -> Reading {
    Reading {
        percent: Some(percent),
        ..HEARD
    }
}

/// `C` contact, `F` confident, `Q` quiesce, and the weight.
fn shown(assessment: Assessment) -> (String, u16) {
    let flags = [
        (assessment.contact, 'C'),
        (assessment.confident, 'F'),
        (assessment.quiesce, 'Q'),
    ];
    let flags = flags.into_iter().filter(|(on, _)| *on);
    (flags.map(|(_, flag)| flag).collect(), assessment.weight)
}

#[test]
#[rustfmt::skip] // One case a line.
fn rules_combine() {
    let failed = Reading { confident: false, ..weighs(40) };
    let drained = Reading { quiesce: true, ..HEARD };
    for (readings, flags, weight) in [
        (&[][..], "", 0),
        (&[PENDING], "", 0),
        (&[NOTHING], "", 0),
        (&[weighs(40)], "CF", 40),
        (&[UP], "CF", 100),
        (&[DOWN], "F", 100),
        (&[UP, DOWN], "F", 100),
        (&[UP, weighs(40), weighs(30)], "CF", 30),
        (&[DOWN, weighs(40)], "F", 40),
        (&[PENDING, weighs(40)], "", 40),
        (&[UP, NOTHING], "C", 100),
        (&[UP, failed], "C", 40),
        (&[UP, drained, weighs(7)], "CFQ", 7),
        (&[percent(75)], "CF", 75),
        (&[percent(75), weighs(10)], "CF", 8),
        (&[percent(50), percent(50), weighs(40)], "CF", 10),
        (&[percent(1), weighs(10)], "CF", 1),
        (&[percent(0), weighs(10)], "CF", 0),
        (&[percent(200), weighs(0)], "CF", 0),
        (&[percent(256), weighs(65535)], "CF", 65535),
    ] {
        assert_eq!(shown(combine(readings)), (flags.to_owned(), weight), "{readings:?}");
    }
}

#[test]
#[rustfmt::skip] // One case a line.
fn what_the_operator_says_comes_last() {
    let weight = |weight| Override { weight: Some(weight), quiesce: false };
    let quiesce = Override { weight: None, quiesce: true };
    let failed = Reading { confident: false, ..weighs(40) };
    for (readings, by_hand, flags, expected) in [
        (&[][..], weight(5), "CF", 5),
        (&[], quiesce, "Q", 0),
        (&[weighs(40)], weight(5), "CF", 5),
        (&[weighs(40)], quiesce, "CFQ", 40),
        (&[UP, failed], weight(5), "CF", 5),
        (&[DOWN, failed], weight(5), "F", 5),
        (&[PENDING, weighs(40)], weight(5), "", 5),
        (&[UP, percent(50)], weight(5), "CF", 5),
        (&[UP], Override { weight: Some(5), quiesce: true }, "CFQ", 5),
        (&[UP], Override::default(), "CF", 100),
    ] {
        assert_eq!(shown(combine_with(readings, by_hand)), (flags.to_owned(), expected), "{readings:?} {by_hand:?}");
    }
}

fn any_reading() -> impl Strategy<Value = Reading> {
    let flags = any::<(bool, bool, bool)>();
    let values = (
        any::<Option<bool>>(),
        any::<Option<u16>>(),
        proptest::option::of(0..=256_u16),
    );
    (flags, values).prop_map(
        |((heard, confident, quiesce), (contact, weight, percent))| Reading {
            heard,
            confident,
            contact,
            quiesce,
            weight,
            percent,
        },
    )
}

proptest! {
    #[test]
    fn the_order_of_rules_does_not_matter(
        readings in proptest::collection::vec(any_reading(), 0..6),
        seed in any::<prop::sample::Index>(),
        weight: Option<u16>,
        quiesce: bool,
    ) {
        let mut others = readings.clone();
        if !others.is_empty() {
            let by = seed.index(others.len());
            others.rotate_left(by);
            others.swap(0, by);
        }
        prop_assert_eq!(combine(&readings), combine(&others));
        let by_hand = Override { weight, quiesce };
        prop_assert_eq!(combine_with(&readings, by_hand), combine_with(&others, by_hand));
    }

    #[test]
    fn another_rule_never_adds_contact_confidence_or_flows(
        readings in proptest::collection::vec(any_reading(), 1..6),
        more in any_reading(),
    ) {
        let before = combine(&readings);
        let mut readings = readings;
        readings.push(more);
        let after = combine(&readings);
        prop_assert!(before.quiesce <= after.quiesce);
        // The first thing that is heard is what makes the rest count.
        let nothing = Assessment { quiesce: before.quiesce, ..Assessment::UNKNOWN };
        if before != nothing {
            prop_assert!(after.contact <= before.contact);
            prop_assert!(after.confident <= before.confident);
        }
    }
}
