use std::time::Duration;

use super::super::bed::{Bed, RULES, key, name};
use super::*;
use crate::sasp::code::weight_flags::{CONFIDENT, CONTACT, QUIESCE, REGISTERED_BY_LB};

const GOOD: u8 = CONTACT | CONFIDENT | REGISTERED_BY_LB;

fn at(member: u8, uid: Option<&str>) -> At {
    At {
        group: name("G"),
        member: key(member),
        balancer: uid.map(name),
    }
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000)
}

fn wish(overrides: &mut Overrides, bed: &Bed, at: At, wish: Wish) -> Outcome {
    overrides
        .wish(at, wish, (&bed.sources, &bed.hub), now())
        .unwrap()
}

/// What of the notes is about members, not about restarts.
fn notes(outcome: &Outcome) -> Vec<&str> {
    let notes = outcome.notes.iter().map(String::as_str);
    notes.filter(|note| !note.contains("restart")).collect()
}

#[test]
fn a_weight_by_hand_is_pushed_at_once_to_every_balancer_and_given_back_again() {
    let bed = Bed::new(RULES);
    let (a, b) = (bed.balancer("A", &[1, 2]), bed.balancer("B", &[1]));
    let mut overrides = Overrides::default();
    let outcome = wish(&mut overrides, &bed, at(1, None), Wish::Weight(7));
    assert_eq!(bed.pushed(a), Some(vec![(1, 7, GOOD), (2, 20, GOOD)]));
    assert_eq!(bed.pushed(b), Some(vec![(1, 7, GOOD)]));
    assert_eq!(notes(&outcome), [""; 0]);
    let said: Vec<_> = outcome
        .said
        .iter()
        .map(|said| (&said.uid, said.report.entry.weight))
        .collect();
    assert_eq!(said, [(&name("A"), 7), (&name("B"), 7)]);
    let outcome = wish(&mut overrides, &bed, at(1, None), Wish::Auto);
    assert_eq!(
        (bed.pushed(b), outcome.overridden),
        (Some(vec![(1, 10, GOOD)]), None)
    );
}

#[test]
fn quiesce_and_weight_are_overridden_separately() {
    let bed = Bed::new(RULES);
    let a = bed.balancer("A", &[1]);
    let mut overrides = Overrides::default();
    for (asked, shown) in [
        (Wish::Quiesce, (1, 0, GOOD | QUIESCE)),
        (Wish::Weight(7), (1, 0, GOOD | QUIESCE)),
        (Wish::Resume, (1, 7, GOOD)),
        (Wish::Quiesce, (1, 0, GOOD | QUIESCE)),
        (Wish::Auto, (1, 0, GOOD | QUIESCE)),
        (Wish::Resume, (1, 10, GOOD)),
    ] {
        wish(&mut overrides, &bed, at(1, None), asked);
        let pushed = bed.pushed(a);
        let is_told = pushed.is_none_or(|rows| rows == [shown]);
        let said = bed
            .hub
            .look(|gwm| gwm.members_called(&name("G"), &key(1), None));
        let entry = said[0].report.entry;
        assert!(
            is_told && (entry.weight, entry.quiesced) == (shown.1, shown.2 & QUIESCE != 0),
            "{asked:?}"
        );
    }
}

#[test]
fn an_override_for_one_balancer_changes_nothing_for_others_and_adds_to_the_general_one() {
    let bed = Bed::new(RULES);
    let (a, b) = (bed.balancer("A", &[1]), bed.balancer("B", &[1]));
    let mut overrides = Overrides::default();
    wish(&mut overrides, &bed, at(1, Some("A")), Wish::Weight(7));
    assert_eq!(
        (bed.pushed(a), bed.pushed(b)),
        (Some(vec![(1, 7, GOOD)]), None)
    );
    wish(&mut overrides, &bed, at(1, None), Wish::Weight(9));
    assert_eq!(
        (bed.pushed(a), bed.pushed(b)),
        (None, Some(vec![(1, 9, GOOD)]))
    );
    wish(&mut overrides, &bed, at(1, None), Wish::Quiesce);
    let quiesced = Some(vec![(1, 0, GOOD | QUIESCE)]);
    assert_eq!((bed.pushed(a), bed.pushed(b)), (quiesced.clone(), quiesced));
    wish(&mut overrides, &bed, at(1, Some("A")), Wish::Auto);
    let outcome = wish(&mut overrides, &bed, at(1, None), Wish::Resume);
    assert_eq!(
        (bed.pushed(a), bed.pushed(b)),
        (Some(vec![(1, 9, GOOD)]), Some(vec![(1, 9, GOOD)]))
    );
    assert_eq!(notes(&outcome), [""; 0]);
}

#[test]
fn an_override_for_one_balancer_follows_the_rules_as_far_as_it_leaves_things_to_them() {
    let bed = Bed::new(RULES);
    let a = bed.balancer("A", &[1]);
    let mut overrides = Overrides::default();
    wish(&mut overrides, &bed, at(1, Some("A")), Wish::Quiesce);
    assert_eq!(bed.pushed(a), Some(vec![(1, 0, GOOD | QUIESCE)]));
    let text = RULES.replace("= 10,", "= 30,");
    let config = super::super::config::from_text("gwm.toml".as_ref(), text).unwrap();
    bed.sources.reconfigure(&config);
    wish(&mut overrides, &bed, at(1, Some("A")), Wish::Resume);
    assert_eq!(bed.pushed(a), Some(vec![(1, 30, GOOD)]));
}

#[test]
fn overrides_stay_over_a_reload_that_changes_the_rules() {
    let bed = Bed::new(RULES);
    let a = bed.balancer("A", &[1, 2]);
    let mut overrides = Overrides::default();
    wish(&mut overrides, &bed, at(1, None), Wish::Weight(7));
    bed.pushed(a);
    let config =
        super::super::config::from_text("gwm.toml".as_ref(), "# no rules".to_owned()).unwrap();
    bed.sources.reconfigure(&config);
    assert_eq!(
        bed.pushed(a),
        Some(vec![(1, 7, GOOD), (2, 0, REGISTERED_BY_LB)])
    );
}

#[test]
#[rustfmt::skip] // One case a line.
fn the_operator_is_told_what_may_be_unexpected() {
    let bed = Bed::new(RULES);
    bed.balancer("A", &[1]);
    let mut overrides = Overrides::default();
    for (at, asked, note) in [
        (at(9, None), Wish::Weight(1), "no balancer has registered it in group G"),
        (at(1, Some("B")), Wish::Weight(1), "balancer B has not registered it in group G"),
        (at(1, None), Wish::Resume, "it was not quiesced here"),
        (at(1, None), Wish::Auto, "its weight was not overridden"),
    ] {
        let outcome = wish(&mut overrides, &bed, at, asked);
        assert!(notes(&outcome)[0].starts_with(note), "{asked:?}: {:?}", outcome.notes);
    }
    wish(&mut overrides, &bed, at(1, Some("A")), Wish::Quiesce);
    wish(&mut overrides, &bed, at(1, None), Wish::Quiesce);
    let outcome = wish(&mut overrides, &bed, at(1, None), Wish::Quiesce);
    assert_eq!(notes(&outcome), ["that was so already"]);
    let outcome = wish(&mut overrides, &bed, at(1, None), Wish::Resume);
    assert_eq!(notes(&outcome), ["balancer A is still told that it is quiesced, by another override or a source of this GWM"]);
}

#[test]
fn they_outlive_the_process_in_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/gwm.json");
    let bed = Bed::new(RULES);
    let mut overrides = Overrides::load(Some(&path), &bed.sources);
    for (at, asked) in [
        (at(1, None), Wish::Weight(7)),
        (at(2, Some("A \"é\\")), Wish::Quiesce),
        (at(2, None), Wish::Weight(1)),
        (at(2, None), Wish::Auto),
    ] {
        let outcome = wish(&mut overrides, &bed, at, asked);
        assert!(
            !outcome.notes.iter().any(|note| note.contains("restart")),
            "{:?}",
            outcome.notes
        );
    }

    let next = Bed::new(RULES);
    let restored = Overrides::load(Some(&path), &next.sources);
    assert_eq!(restored.entries, overrides.entries);
    assert_eq!(restored.counts(), (1, 1));
    let a = next.balancer("A \"é\\", &[1, 2]);
    let said = next
        .hub
        .look(|gwm| gwm.report(&Scope::EVERYTHING, std::time::Instant::now()));
    let members = &said.balancers[0].groups[0].members;
    assert_eq!(
        (members[0].entry.weight, members[1].entry.quiesced),
        (7, true),
        "{a:?}"
    );
    let status = restored.status(&Scope::EVERYTHING, now() + Duration::from_secs(5));
    assert_eq!((status[0].since, status[0].seconds_ago), (1_000, 5.0));
}

#[test]
fn a_file_that_makes_no_sense_is_kept_aside_and_overrides_begin_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gwm.json");
    let good = |member: &str, version: u32| {
        format!(
            "{{\"version\":{version},\"overrides\":[{{\"group\":\"G\",\"member\":\"{member}\",\"uid\":null,\
             \"weight\":7,\"quiesce\":false,\"since\":1}}]}}"
        )
    };
    for (text, count) in [
        (good("10.0.0.1:80", 1), 1),
        (good("10.0.0.1:80", 2), 0),
        (good("nowhere", 1), 0),
        ("{\"version\":1,\"overrides\":[{}]}".to_owned(), 0),
        ("{".to_owned(), 0),
        (String::new(), 0),
    ] {
        std::fs::write(&path, &text).unwrap();
        let bed = Bed::new(RULES);
        let mut overrides = Overrides::load(Some(&path), &bed.sources);
        assert_eq!(overrides.entries.len(), count, "{text}");
        wish(&mut overrides, &bed, at(2, None), Wish::Quiesce);
        let again = Overrides::load(Some(&path), &bed.sources);
        assert_eq!(again.entries.len(), count + 1, "{text}");
        if count == 0 {
            let aside = directory.path().join("gwm.json.unreadable");
            assert_eq!(std::fs::read_to_string(aside).unwrap(), text);
        }
    }
}

#[test]
fn what_cannot_be_kept_counts_nevertheless_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let bed = Bed::new(RULES);
    let a = bed.balancer("A", &[1]);
    // A file where a directory would have to be.
    std::fs::write(directory.path().join("file"), "").unwrap();
    let path = directory.path().join("file/gwm.json");
    let mut overrides = Overrides::load(Some(&path), &bed.sources);
    let outcome = wish(&mut overrides, &bed, at(1, None), Wish::Weight(7));
    assert_eq!(bed.pushed(a), Some(vec![(1, 7, GOOD)]));
    assert!(
        outcome.notes[0].contains("cannot be written"),
        "{:?}",
        outcome.notes
    );
    let outcome = wish(
        &mut Overrides::default(),
        &bed,
        at(2, None),
        Wish::Weight(7),
    );
    assert!(
        outcome.notes[0].contains("set `state` in gwm.toml"),
        "{:?}",
        outcome.notes
    );
}

#[test]
fn there_is_a_limit_and_what_exceeds_it_changes_nothing() {
    let bed = Bed::new(RULES);
    let mut overrides = Overrides::default();
    let member = |number: usize| At {
        member: MemberKey {
            address: std::net::Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into(),
            ..key(0)
        },
        ..at(0, None)
    };
    let max = super::super::sources::engine::OVERRIDES_MAX;
    for number in 0..max {
        put_into_force(
            &bed.sources,
            &member(number),
            Some(Override {
                weight: Some(1),
                quiesce: false,
            }),
        )
        .unwrap();
    }
    let shared = (&*bed.sources, &*bed.hub);
    let refused = overrides
        .wish(member(max), Wish::Quiesce, shared, now())
        .unwrap_err();
    assert!(refused.contains("resume some of them"), "{refused}");
    assert_eq!(overrides.counts(), (0, 0));
    overrides
        .wish(member(0), Wish::Quiesce, shared, now())
        .unwrap();
}
