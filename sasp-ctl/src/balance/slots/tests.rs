use super::*;

const SECOND: u64 = NS_PER_SECOND;
const IDLE: u64 = 60 * SECOND;
/// How much later than it was made a table may reach the kernel.
const LATE: u64 = 12 * SECOND;
/// When slots change in these tests.
const T0: u64 = 1000 * SECOND;

/// Slots all owned by 1 and stable.
fn owned_by_1() -> Slots {
    let mut slots = Slots::default();
    assert!(give(&mut slots, 1, T0 - IDLE));
    assert_eq!(slots.table()[0], Slot::stable(1));
    slots
}

/// Everything to one owner; backends 1 to 9 exist.
fn give(slots: &mut Slots, owner: Index, now_ns: u64) -> bool {
    slots.set_owners(
        &[owner; SLOTS],
        |index| (1..10).contains(&index),
        true,
        now_ns,
    )
}

/// The same, after `gone` has been removed.
fn give_without(slots: &mut Slots, gone: Index, owner: Index) -> bool {
    let exists = |index| (1..10).contains(&index) && index != gone;
    slots.set_owners(&[owner; SLOTS], exists, true, T0)
}

fn slot(slots: &Slots) -> Slot {
    let first = slots.table()[0];
    assert!(
        slots.table().iter().all(|slot| *slot == first),
        "all are alike"
    );
    assert_eq!(slots.tracked(), if first.tracked() { SLOTS } else { 0 });
    first
}

#[test]
fn a_slot_without_a_former_owner_is_stable_at_once() {
    assert_eq!(slot(&Slots::default()), Slot::EMPTY);
    assert_eq!(slot(&owned_by_1()), Slot::stable(1));
}

#[test]
fn the_same_owner_changes_nothing() {
    let mut slots = owned_by_1();
    assert!(!give(&mut slots, 1, T0));
    assert!(give(&mut slots, 2, T0));
    assert!(!give(&mut slots, 2, T0 + SECOND));
}

#[test]
fn a_fresh_slot_remembers_its_settled_owner_however_often_it_changes() {
    let mut slots = owned_by_1();
    for owner in [2, 3, 1, 4] {
        give(&mut slots, owner, T0);
        assert_eq!(slot(&slots), Slot::new(owner, 1, true));
    }
}

#[test]
fn a_slot_settles_after_the_idle_timeout_and_becomes_stable_when_quiet() {
    let mut slots = owned_by_1();
    give(&mut slots, 2, T0 + 1);
    // The change was in second 1001.
    let settles = T0 + SECOND + IDLE + LATE;
    assert!(!slots.age(settles - 1, IDLE, |_| false));
    assert_eq!(slots.phases().fresh, SLOTS);
    assert!(slots.age(settles, IDLE, |_| false));
    assert_eq!(slot(&slots), Slot::new(2, 2, true));
    assert_eq!(slots.phases().settled, SLOTS);
    assert!(!slots.age(settles + 10 * SECOND - 1, IDLE, |_| false));
    assert!(slots.age(settles + 10 * SECOND, IDLE, |_| false));
    assert_eq!(slot(&slots), Slot::stable(2));
    assert!(!slots.age(settles + 11 * SECOND, IDLE, |_| false));
}

#[test]
fn another_change_starts_the_idle_timeout_anew() {
    let mut slots = owned_by_1();
    give(&mut slots, 2, T0);
    give(&mut slots, 3, T0 + IDLE);
    assert!(!slots.age(T0 + IDLE + 10 * SECOND, IDLE, |_| false));
    assert!(slots.age(T0 + 2 * IDLE + LATE, IDLE, |_| false));
    assert_eq!(slot(&slots), Slot::new(3, 3, true));
}

#[test]
fn a_settled_slot_stays_tracked_while_a_live_flow_disagrees() {
    let mut slots = owned_by_1();
    give(&mut slots, 2, T0);
    let mut now = T0 + IDLE + LATE;
    slots.age(now, IDLE, |_| true);
    for _ in 0..10 {
        now += 9 * SECOND;
        slots.age(now, IDLE, |slot| slot == 77);
    }
    let tracked = |slots: &Slots| -> Vec<usize> {
        (0..SLOTS)
            .filter(|&at| slots.table()[at].tracked())
            .collect()
    };
    assert_eq!(tracked(&slots), [77]);
    assert_eq!(slots.tracked(), 1);
    slots.age(now + 10 * SECOND, IDLE, |_| false);
    assert_eq!(slot(&slots), Slot::stable(2));
}

#[test]
fn a_slot_that_changes_while_settled_is_fresh_again() {
    let mut slots = owned_by_1();
    give(&mut slots, 2, T0);
    slots.age(T0 + IDLE + LATE, IDLE, |_| true);
    give(&mut slots, 3, T0 + IDLE + LATE + SECOND);
    assert_eq!(slot(&slots), Slot::new(3, 2, true));
}

#[test]
fn flows_of_a_former_owner_that_is_gone_belong_to_the_next() {
    for (before, gone, owner, after) in [
        (Slot::stable(1), 1, 2, Slot::stable(2)),
        (Slot::new(2, 1, true), 1, 2, Slot::new(2, 2, true)),
        (Slot::new(2, 1, true), 1, 3, Slot::new(3, 3, true)),
        (Slot::new(2, 1, true), 2, 3, Slot::new(3, 1, true)),
        (Slot::new(2, 2, true), 2, 3, Slot::new(3, 3, true)),
        (Slot::stable(1), 1, NOBODY, Slot::stable(NOBODY)),
        (
            Slot::new(2, 1, true),
            1,
            NOBODY,
            Slot::new(NOBODY, NOBODY, true),
        ),
        (Slot::new(NOBODY, 1, true), 1, 2, Slot::new(2, 2, true)),
    ] {
        let table = vec![before; SLOTS].try_into().unwrap();
        let mut slots = Slots::adopt(table, T0);
        assert!(
            give_without(&mut slots, gone, owner),
            "{before:?} {gone} {owner}"
        );
        assert_eq!(slot(&slots), after, "{before:?} {gone} {owner}");
    }
}

#[test]
fn flows_stay_with_an_owner_that_only_gets_no_new_ones() {
    let mut slots = owned_by_1();
    give(&mut slots, NOBODY, T0);
    assert_eq!(slot(&slots), Slot::new(NOBODY, 1, true));
    assert_eq!(slots.phases().unowned, SLOTS);
    give(&mut slots, 2, T0);
    assert_eq!(slot(&slots), Slot::new(2, 1, true));
}

#[test]
fn without_tracking_a_new_owner_takes_over_everything() {
    let mut slots = owned_by_1();
    give(&mut slots, 2, T0);
    assert!(slots.set_owners(&[2; SLOTS], |_| true, false, T0));
    assert_eq!(slot(&slots), Slot::stable(2));
    assert!(slots.set_owners(&[3; SLOTS], |_| true, false, T0));
    assert_eq!(slot(&slots), Slot::stable(3));
}

#[test]
fn an_adopted_slot_may_have_changed_just_now() {
    let table = vec![Slot::new(2, 1, true); SLOTS].try_into().unwrap();
    let mut slots = Slots::adopt(table, T0);
    assert!(!slots.age(T0 + IDLE, IDLE, |_| false));
    assert!(slots.age(T0 + IDLE + LATE, IDLE, |_| false));
    assert_eq!(slot(&slots), Slot::new(2, 2, true));
}

#[test]
fn a_table_that_nobody_wrote_is_put_right() {
    // Indices beyond the map, previous owners without tracking.
    for broken in [Slot(0x7fff_ffff), Slot(0xffff_ffff), Slot::new(1, 9, false)] {
        let table = vec![broken; SLOTS].try_into().unwrap();
        let mut slots = Slots::adopt(table, T0);
        give_without(&mut slots, 9, 1);
        assert_eq!(slot(&slots).cur(), 1, "{broken:?}");
        assert_eq!(slot(&slots).prev(), 1, "{broken:?}");
    }
}

#[test]
fn fresh_slots_hide_flows_of_their_former_owner_for_as_long_as_they_are_fresh() {
    let mut slots = owned_by_1();
    assert_eq!(slots.fresh_of(1, T0, IDLE), (0, 0));
    give(&mut slots, 2, T0);
    assert_eq!(slots.fresh_of(1, T0, IDLE), (SLOTS, 72));
    assert_eq!(slots.fresh_of(2, T0, IDLE), (0, 0), "it owns them now");
    // Another change puts it off: what is silent may be the first owner's still.
    give(&mut slots, 3, T0 + 30 * SECOND);
    assert_eq!(slots.fresh_of(1, T0 + 40 * SECOND, IDLE), (SLOTS, 62));
    assert_eq!(slots.fresh_of(2, T0 + 40 * SECOND, IDLE), (0, 0));
    let end = T0 + 30 * SECOND + IDLE + LATE;
    slots.age(end, IDLE, |_| false);
    assert_eq!(slots.fresh_of(1, end, IDLE), (0, 0));
}
