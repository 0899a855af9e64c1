use std::net::{IpAddr, Ipv4Addr};

use super::*;

const A: u8 = 1;
const B: u8 = 2;

fn key(number: u8) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, number)),
    }
}

/// Flags as in the rules: Q quiesce, C contact, F confident.
fn word(flags: &str, weight: u16) -> Word {
    Word {
        contact: flags.contains('C'),
        quiesce: flags.contains('Q'),
        confident: flags.contains('F'),
        by_lb: true,
        weight,
        state: 0,
    }
}

fn listener(number: u8, former: Option<Word>) -> Listener {
    Listener {
        key: key(number),
        former,
        available: true,
    }
}

fn input(freshness: Freshness, converging: bool, words: &[(u8, Word)]) -> GroupInput {
    GroupInput {
        freshness,
        converging,
        members: words
            .iter()
            .map(|&(number, word)| (key(number), word))
            .collect(),
    }
}

/// Members A and B with former weights 4 and 2.
fn both() -> [Listener; 2] {
    [
        listener(A, Some(word("CF", 4))),
        listener(B, Some(word("CF", 2))),
    ]
}

fn converging(words: &[(u8, Word)]) -> (Source, Vec<Option<Word>>) {
    hear(Some(&input(Freshness::Live, true, words)), &both())
}

#[test]
fn before_the_first_word_there_is_nothing_to_hold() {
    let held = input(Freshness::Held, false, &[]);
    let strangers = [listener(A, None), listener(B, None)];
    assert_eq!(
        hear(Some(&held), &strangers),
        (Source::Gone, vec![None, None])
    );
    let former = Some(word("CF", 2));
    let one = [listener(A, None), listener(B, former)];
    assert_eq!(hear(Some(&held), &one), (Source::Held, vec![None, former]));
}

#[test]
fn live_words_replace_former_ones_and_absence_erases_them() {
    let live = input(Freshness::Live, false, &[(A, word("F", 0))]);
    let heard = hear(Some(&live), &both());
    assert_eq!(heard, (Source::Live, vec![Some(word("F", 0)), None]));
}

#[test]
fn former_words_stand_while_they_are_held_and_not_longer() {
    let others = [(A, word("CF", 9))];
    let former: Vec<_> = both().map(|listener| listener.former).to_vec();
    let held = input(Freshness::Held, false, &others);
    assert_eq!(hear(Some(&held), &both()), (Source::Held, former));
    let gone = input(Freshness::Gone, false, &others);
    assert_eq!(hear(Some(&gone), &both()), (Source::Gone, vec![None; 2]));
    assert_eq!(hear(None, &both()), (Source::Gone, vec![None; 2]));
}

#[test]
fn one_confident_member_ends_the_special_rules_of_convergence() {
    let words = [(A, word("CF", 9)), (B, word("", 0))];
    let heard = converging(&words);
    assert_eq!(
        heard,
        (Source::Live, vec![Some(word("CF", 9)), Some(word("", 0))])
    );
}

#[test]
fn a_confident_member_without_a_next_hop_does_not() {
    let mut listeners = both();
    listeners[0].available = false;
    let live = input(
        Freshness::Live,
        true,
        &[(A, word("CF", 9)), (B, word("F", 0))],
    );
    let (source, words) = hear(Some(&live), &listeners);
    assert_eq!(source, Source::Converging);
    assert_eq!(words[1], Some(word("CF", 2)));
}

#[test]
fn a_group_that_converges_keeps_its_former_words() {
    let former: Vec<_> = both().map(|listener| listener.former).to_vec();
    for words in [
        &[][..],
        &[(A, word("", 0)), (B, word("", 0))],
        &[(A, word("C", 0)), (B, word("", 0))],
        // Both down: more likely that the GWM has not looked yet.
        &[(A, word("F", 0)), (B, word("F", 0))],
    ] {
        assert_eq!(
            converging(words),
            (Source::Converging, former.clone()),
            "{words:?}"
        );
    }
}

#[test]
fn a_group_that_converges_obeys_quiesce_and_death_of_some() {
    let (a, b) = (Some(word("CF", 4)), Some(word("CF", 2)));
    let quiesced = word("QC", 0);
    let down = word("F", 0);
    for (words, wanted) in [
        ([(A, quiesced), (B, word("", 0))], vec![Some(quiesced), b]),
        (
            [(A, quiesced), (B, quiesced)],
            vec![Some(quiesced), Some(quiesced)],
        ),
        ([(A, down), (B, word("C", 0))], vec![Some(down), b]),
        ([(A, word("C", 0)), (B, down)], vec![a, Some(down)]),
        // The quiesced one cannot take over.
        ([(A, down), (B, quiesced)], vec![a, Some(quiesced)]),
    ] {
        assert_eq!(
            converging(&words),
            (Source::Converging, wanted),
            "{words:?}"
        );
    }
}

#[test]
fn a_group_that_converges_for_the_first_time_has_no_words() {
    let listeners = [listener(A, None), listener(B, None)];
    let live = input(
        Freshness::Live,
        true,
        &[(A, word("F", 0)), (B, word("F", 0))],
    );
    let heard = hear(Some(&live), &listeners);
    assert_eq!(heard, (Source::Converging, vec![None, None]));
}
