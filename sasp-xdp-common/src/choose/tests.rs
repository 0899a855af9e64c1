use super::*;

/// 3 is remembered, 2 owned the slot, 1 owns it.
const CUR: Index = 1;
const PREV: Index = 2;
const KNOWN: Index = 3;

const OPENS: Kind = Kind {
    opens: true,
    transient: false,
};
const GOES_ON: Kind = Kind {
    opens: false,
    transient: false,
};
const RESETS: Kind = Kind {
    opens: false,
    transient: true,
};

/// Who gets the packet and whether that is remembered; `known` and `there` are indices.
fn chosen(
    slot: Slot,
    kind: Kind,
    known: Option<Index>,
    always: bool,
    there: &[Index],
) -> Option<(Index, bool)> {
    let usable = |index| there.contains(&index);
    let (was_known, known) = (known.is_some(), known.filter(|known| usable(*known)));
    let index = choose(slot, kind, known.unwrap_or(NOBODY), usable);
    (index != NOBODY).then(|| (index, remembers(slot, kind, was_known, always)))
}

const FRESH: Slot = Slot::new(CUR, PREV, true);
const SETTLED: Slot = Slot::new(CUR, CUR, true);

#[test]
fn a_fresh_slot_gives_new_flows_to_the_new_owner_and_keeps_old_ones_at_theirs() {
    const ALL: &[Index] = &[CUR, PREV, KNOWN];
    for (kind, known, there, wanted) in [
        // New flows.
        (OPENS, None, ALL, Some((CUR, true))),
        (OPENS, Some(KNOWN), ALL, Some((CUR, true))),
        (OPENS, None, &[CUR], Some((CUR, true))),
        (OPENS, Some(KNOWN), &[PREV, KNOWN], None),
        // Unknown ones were open before the change.
        (GOES_ON, None, ALL, Some((PREV, true))),
        (GOES_ON, None, &[CUR, KNOWN], Some((CUR, true))),
        (GOES_ON, None, &[KNOWN], None),
        // Known ones stay, or fall to the first that is there.
        (GOES_ON, Some(KNOWN), ALL, Some((KNOWN, true))),
        (GOES_ON, Some(KNOWN), &[KNOWN], Some((KNOWN, true))),
        (GOES_ON, Some(KNOWN), &[CUR, PREV], Some((PREV, true))),
        (GOES_ON, Some(KNOWN), &[CUR], Some((CUR, true))),
        (GOES_ON, Some(KNOWN), &[], None),
        // Resets follow and are never remembered.
        (RESETS, None, ALL, Some((PREV, false))),
        (RESETS, Some(KNOWN), ALL, Some((KNOWN, false))),
        (RESETS, Some(KNOWN), &[CUR], Some((CUR, false))),
    ] {
        for always in [false, true] {
            let chosen = chosen(FRESH, kind, known, always, there);
            assert_eq!(chosen, wanted, "{kind:?} {known:?} {there:?} {always}");
        }
    }
}

#[test]
fn a_settled_slot_remembers_no_new_flows_but_goes_on_remembering_old_ones() {
    const ALL: &[Index] = &[CUR, KNOWN];
    for (kind, known, there, wanted) in [
        (OPENS, None, ALL, Some((CUR, false))),
        (OPENS, Some(KNOWN), ALL, Some((CUR, true))),
        (GOES_ON, None, ALL, Some((CUR, false))),
        (GOES_ON, Some(KNOWN), ALL, Some((KNOWN, true))),
        (GOES_ON, Some(KNOWN), &[CUR], Some((CUR, true))),
        (GOES_ON, None, &[KNOWN], None),
        (RESETS, Some(KNOWN), ALL, Some((KNOWN, false))),
        (RESETS, None, ALL, Some((CUR, false))),
    ] {
        let chosen = chosen(SETTLED, kind, known, false, there);
        assert_eq!(chosen, wanted, "{kind:?} {known:?} {there:?}");
    }
}

#[test]
fn a_service_that_tracks_always_remembers_all_but_resets() {
    for slot in [SETTLED, Slot::stable(CUR)] {
        for (kind, known, wanted) in [
            (OPENS, None, (CUR, true)),
            (GOES_ON, None, (CUR, true)),
            (GOES_ON, Some(KNOWN), (KNOWN, true)),
            (RESETS, None, (CUR, false)),
        ] {
            let chosen = chosen(slot, kind, known, true, &[CUR, KNOWN]);
            assert_eq!(chosen, Some(wanted), "{slot:?} {kind:?} {known:?}");
        }
    }
}
