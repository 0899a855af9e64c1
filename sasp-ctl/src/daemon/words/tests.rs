use super::*;

const HOLD: Duration = Duration::from_secs(120);

fn name(text: &str) -> Name {
    Name::new(text.as_bytes().to_vec()).unwrap()
}

fn groups(names: &[&str]) -> BTreeSet<Name> {
    names.iter().map(|text| name(text)).collect()
}

fn weights(group: &str) -> GroupWeights {
    GroupWeights {
        name: name(group),
        members: BTreeMap::new(),
        converging: false,
    }
}

fn freshness(words: &Words, group: &str) -> Freshness {
    words.inputs()[&name(group)].freshness
}

#[test]
fn without_a_gwm_nothing_is_held() {
    let words = Words::new(None, groups(&["A"]), Instant::now());
    assert_eq!(freshness(&words, "A"), Freshness::Gone);
    assert_eq!(words.deadline(), None);
}

#[test]
fn words_from_before_a_restart_are_held_and_then_forgotten() {
    let start = Instant::now();
    let mut words = Words::new(Some(HOLD), groups(&["A"]), start);
    assert_eq!(freshness(&words, "A"), Freshness::Held);
    assert_eq!(words.deadline(), Some(start + HOLD));
    assert!(
        words
            .expire(start + HOLD - Duration::from_millis(1))
            .is_empty()
    );
    assert_eq!(words.expire(start + HOLD), [name("A")]);
    assert_eq!(freshness(&words, "A"), Freshness::Gone);
    assert_eq!(words.deadline(), None);
}

#[test]
fn a_lost_session_starts_the_hold_time_and_a_new_word_ends_it() {
    let start = Instant::now();
    let mut words = Words::new(Some(HOLD), groups(&["A", "B"]), start);
    words.said(weights("A"));
    words.said(weights("B"));
    assert_eq!(words.deadline(), None);
    let lost = start + Duration::from_secs(1000);
    words.lost(lost);
    assert_eq!(words.deadline(), Some(lost + HOLD));
    words.said(weights("A"));
    assert_eq!(freshness(&words, "A"), Freshness::Live);
    assert_eq!(words.expire(lost + HOLD), [name("B")]);
}

#[test]
fn a_flapping_session_that_brings_no_words_does_not_prolong_the_hold_time() {
    let start = Instant::now();
    let mut words = Words::new(Some(HOLD), groups(&["A"]), start);
    words.said(weights("A"));
    words.lost(start);
    words.lost(start + HOLD / 2);
    assert_eq!(words.expire(start + HOLD), [name("A")]);
}

#[test]
fn a_reload_keeps_what_was_said_of_groups_that_stay() {
    let start = Instant::now();
    let mut words = Words::new(Some(HOLD), groups(&["A", "B"]), start);
    words.said(weights("A"));
    words.set_groups(groups(&["A", "C"]), start);
    assert_eq!(freshness(&words, "A"), Freshness::Live);
    assert_eq!(freshness(&words, "C"), Freshness::Held);
    assert!(!words.inputs().contains_key(&name("B")));
    words.said(weights("B"));
    assert!(!words.inputs().contains_key(&name("B")));
}

#[test]
fn another_gwm_inherits_nothing_but_the_hold_time() {
    let start = Instant::now();
    let mut words = Words::new(Some(HOLD), groups(&["A"]), start);
    words.said(weights("A"));
    words.set_hold(Some(HOLD), start);
    assert_eq!(freshness(&words, "A"), Freshness::Held);
    words.set_hold(None, start);
    assert_eq!(freshness(&words, "A"), Freshness::Gone);
}
