use super::*;

/// Flags of a word, as they are spelled in the rules: Q quiesce, C contact, F confident.
fn said(flags: &str, weight: u16) -> Candidate {
    Candidate {
        word: Some(Word {
            contact: flags.contains('C'),
            quiesce: flags.contains('Q'),
            confident: flags.contains('F'),
            by_lb: true,
            weight,
            state: 0,
        }),
        ..silent()
    }
}

/// The GWM has not spoken of it.
fn silent() -> Candidate {
    Candidate {
        static_weight: 10,
        ..Candidate::default()
    }
}

fn with_static(static_weight: u16, candidate: Candidate) -> Candidate {
    Candidate {
        static_weight,
        ..candidate
    }
}

fn weights(source: Source, candidates: &[Candidate]) -> Vec<(u32, Why)> {
    effective(source, AllZero::Equal, OnDown::Keep, candidates)
        .into_iter()
        .map(|outcome| (outcome.weight, outcome.why))
        .collect()
}

#[test]
fn every_rule_of_section_5_3_holds_while_the_session_is_live() {
    use Why::*;
    let healthy = |healthy, candidate| Candidate {
        healthy: Some(healthy),
        ..candidate
    };
    type Row<'a> = (&'a str, &'a [Candidate], &'a [(u32, Why)]);
    let rows: &[Row] = &[
        (
            "confident members get the GWM's weights",
            &[said("CF", 40), said("CF", 20)],
            &[(40, GwmWeight), (20, GwmWeight)],
        ),
        (
            "a quiesced member gets none, whatever its weight says",
            &[said("QCF", 5), said("CF", 20), said("QC", 5), said("Q", 5)],
            &[
                (0, GwmQuiesced),
                (20, GwmWeight),
                (0, GwmQuiesced),
                (0, GwmQuiesced),
            ],
        ),
        (
            "a member that the GWM knows to be down gets none",
            &[said("F", 40), said("CF", 20)],
            &[(0, NoContact), (20, GwmWeight)],
        ),
        (
            "members without confidence get none while others have it",
            &[said("C", 40), said("CF", 20), said("", 7), silent()],
            &[
                (0, NotConfident),
                (20, GwmWeight),
                (0, ContactUnsure),
                (0, Absent),
            ],
        ),
        (
            "without any confidence static weights count, whatever was recommended",
            &[said("C", 40), with_static(30, said("C", 1)), silent()],
            &[
                (10, StaticNotConfident),
                (30, StaticNotConfident),
                (10, StaticNotConfident),
            ],
        ),
        (
            "a confident quiesced member gives nobody confidence",
            &[said("QCF", 40), said("C", 1)],
            &[(0, GwmQuiesced), (10, StaticNotConfident)],
        ),
        (
            "a member that is down gives nobody confidence",
            &[said("F", 40), said("C", 1)],
            &[(0, NoContact), (10, StaticNotConfident)],
        ),
        (
            "no contact and no confidence is second to contact without confidence",
            &[said("", 40), said("C", 1)],
            &[(0, ContactUnsure), (10, StaticNotConfident)],
        ),
        (
            "but better than nothing",
            &[said("", 40), said("F", 1), said("Q", 1)],
            &[(10, StaticNotConfident), (0, NoContact), (0, GwmQuiesced)],
        ),
        (
            "a health check stands in for the contact that the GWM does not know of",
            &[
                healthy(true, said("", 1)),
                said("C", 1),
                healthy(false, said("", 1)),
            ],
            &[
                (10, StaticNotConfident),
                (10, StaticNotConfident),
                (0, Unhealthy),
            ],
        ),
        (
            "a health check overrules no confident word",
            &[healthy(true, said("F", 1)), healthy(false, said("CF", 2))],
            &[(0, NoContact), (2, GwmWeight)],
        ),
        (
            "weight 0 gets nothing while others have more",
            &[said("CF", 0), said("CF", 1)],
            &[(0, WeightZero), (1, GwmWeight)],
        ),
        (
            "where all weights are 0 they count alike, but only the confident ones",
            &[said("CF", 0), said("CF", 0), said("C", 5)],
            &[(1, EqualAllZero), (1, EqualAllZero), (0, NotConfident)],
        ),
        (
            "static weights of 0 count alike too",
            &[with_static(0, said("C", 5)), with_static(0, silent())],
            &[(1, EqualAllZero), (1, EqualAllZero)],
        ),
        (
            "a static weight of 0 is nothing while others have more",
            &[with_static(0, said("C", 5)), said("C", 5)],
            &[(0, WeightZero), (10, StaticNotConfident)],
        ),
        (
            "a GWM that knows none of the members leaves them their static weights",
            &[silent(), with_static(20, silent())],
            &[(10, StaticNoGwm), (20, StaticNoGwm)],
        ),
        (
            "all quiesced: nobody",
            &[said("QCF", 1), said("QC", 1)],
            &[(0, GwmQuiesced), (0, GwmQuiesced)],
        ),
        ("no members", &[], &[]),
    ];
    for (name, candidates, wanted) in rows {
        assert_eq!(weights(Source::Live, candidates), *wanted, "{name}");
    }
}

#[test]
fn the_ladder_goes_from_last_weights_to_static_to_equal_ones() {
    use Why::*;
    let words = [said("CF", 40), said("CF", 20)];
    for (source, wanted) in [
        (Source::Live, [(40, GwmWeight), (20, GwmWeight)]),
        (Source::Held, [(40, Held), (20, Held)]),
        (Source::Converging, [(40, Converging), (20, Converging)]),
        (Source::Gone, [(10, StaticNoGwm), (10, StaticNoGwm)]),
    ] {
        assert_eq!(weights(source, &words), wanted, "{source:?}");
    }
    let unsure = [said("C", 40), said("C", 20)];
    for (source, why) in [
        (Source::Live, StaticNotConfident),
        (Source::Held, StaticNotConfident),
        (Source::Converging, StaticConverging),
        (Source::Gone, StaticNoGwm),
    ] {
        assert_eq!(weights(source, &unsure), [(10, why); 2], "{source:?}");
    }
    assert_eq!(
        weights(Source::Gone, &[with_static(0, silent()); 2]),
        [(1, EqualAllZero); 2]
    );
}

#[test]
fn a_gwm_that_has_been_silent_for_too_long_quiesces_nobody() {
    let words = [said("QCF", 0), said("F", 0)];
    assert_eq!(weights(Source::Gone, &words), [(10, Why::StaticNoGwm); 2]);
    // Within the hold time it still does.
    assert_eq!(
        weights(Source::Held, &words),
        [(0, Why::GwmQuiesced), (0, Why::NoContact)]
    );
}

#[test]
fn the_operator_and_a_missing_next_hop_come_before_the_gwm() {
    let quiesced = Candidate {
        quiesced: true,
        ..said("CF", 40)
    };
    let unresolved = Candidate {
        unreachable: Some(Unreachable::NoNextHop),
        ..said("CF", 40)
    };
    for source in [Source::Live, Source::Converging, Source::Held, Source::Gone] {
        let weights = weights(source, &[quiesced, unresolved, said("C", 1)]);
        assert_eq!(weights[0], (0, Why::OperatorQuiesced), "{source:?}");
        assert_eq!(weights[1], (0, Why::Unresolved), "{source:?}");
        // Neither counts as the confident one that leaves the others nothing.
        assert_eq!(weights[2].0, 10, "{source:?}");
    }
}

#[test]
fn where_all_weights_are_zero_nobody_gets_flows_if_the_config_says_so() {
    let outcomes = effective(
        Source::Live,
        AllZero::Reject,
        OnDown::Keep,
        &[said("CF", 0), said("CF", 0)],
    );
    for outcome in outcomes {
        assert_eq!((outcome.weight, outcome.why), (0, Why::WeightZero));
        assert!(outcome.usable);
    }
}

#[test]
fn only_a_missing_next_hop_or_rehash_after_death_takes_a_members_flows() {
    let unresolved = Candidate {
        unreachable: Some(Unreachable::NoNextHop),
        ..said("CF", 1)
    };
    let quiesced_and_down = Candidate {
        quiesced: true,
        ..said("F", 1)
    };
    let rows = [
        (said("CF", 1), true, true),
        (said("CF", 0), true, true),
        (said("QCF", 1), true, true),
        (said("C", 1), true, true),
        (said("", 1), true, true),
        (silent(), true, true),
        (said("F", 1), true, false),
        (said("QF", 1), true, false),
        (quiesced_and_down, true, false),
        (unresolved, false, false),
    ];
    for (candidate, keep, rehash) in rows {
        for (on_down, wanted) in [(OnDown::Keep, keep), (OnDown::Rehash, rehash)] {
            let outcomes = effective(
                Source::Live,
                AllZero::Equal,
                on_down,
                &[candidate, said("CF", 1)],
            );
            assert_eq!(outcomes[0].usable, wanted, "{candidate:?} {on_down:?}");
        }
    }
}
