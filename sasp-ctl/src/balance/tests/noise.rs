//! Weights that do not act at once: slow start, move limit, dead-band, and what is told of it.

use std::time::Duration;

use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::parse::TCP;

use super::world::{DOWN, World, key, next_hop, service, word};
use crate::balance::change::Change;
use crate::balance::inputs::{Freshness, Word};
use crate::balance::spec::{MoveLimit, ServiceSpec};

const SECOND: Duration = Duration::from_secs(1);

fn farm(slow_start: Option<u64>, permille: Option<u16>) -> ServiceSpec {
    ServiceSpec {
        slow_start: slow_start.map(Duration::from_secs),
        move_limit: permille.map(|permille| MoveLimit {
            permille,
            interval: 10 * SECOND,
        }),
        ..service("farm", "192.0.2.1:80", TCP, &[1, 2, 3])
    }
}

/// The members have weights 20, 20 and 20, and nothing is left to be done.
fn settled(spec: ServiceSpec) -> World {
    let mut world = World::new(vec![spec]);
    say(&mut world, [word(20), word(20), word(20)]);
    world.calm_down();
    assert_eq!(world.balancer.deadline(), None);
    world
}

fn say(world: &mut World, words: [Word; 3]) -> Vec<Change> {
    let words: Vec<_> = (1..)
        .zip(words)
        .map(|(number, word)| (key(TCP, number), word))
        .collect();
    world.say("farm", &words)
}

fn slots(world: &World) -> [usize; 3] {
    [1, 2, 3].map(|number| world.slots(number))
}

/// Who owns which slot, by member number.
fn table(world: &World) -> Vec<u8> {
    let table = world.maps.tables.values().next().unwrap().iter();
    table
        .map(|slot| world.record(slot.cur()).address[15])
        .collect()
}

fn moved(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).filter(|(a, b)| a != b).count()
}

fn tables(changes: &[Change]) -> usize {
    let is_table = |change: &&Change| matches!(change, Change::SetTable { .. });
    changes.iter().filter(is_table).count()
}

/// The table that the same words make without slow start and limit.
fn unhindered(words: [Word; 3]) -> Vec<u8> {
    let mut world = settled(farm(None, None));
    say(&mut world, words);
    table(&world)
}

#[test]
fn members_that_start_together_stand_to_each_other_as_their_weights() {
    let mut world = World::new(vec![farm(Some(60), None)]);
    say(&mut world, [word(40), word(20), word(0)]);
    assert_eq!(slots(&world), [43691, 21845, 0]);
    let first = world.member(1).unwrap();
    assert_eq!(
        (
            first.effective_weight,
            first.ramped_weight,
            first.applied_weight
        ),
        (40, 2.5, 2.5)
    );
    assert_eq!(world.pass(60 * SECOND), 15, "steps of the ramp");
    assert_eq!(slots(&world), [43691, 21845, 0]);
    assert_eq!(world.member(1).unwrap().applied_weight, 40.0);
}

#[test]
fn a_member_that_comes_back_starts_slowly_whatever_kept_it_away() {
    type Event = fn(&mut World);
    let kept_away: [(&str, Event, Event); 5] = [
        (
            "down",
            |world| _ = say(world, [DOWN, word(20), word(20)]),
            |world| _ = say(world, [word(20); 3]),
        ),
        (
            "not confident",
            |world| {
                let unsure = Word {
                    confident: false,
                    ..word(20)
                };
                say(world, [unsure, word(20), word(20)]);
            },
            |world| _ = say(world, [word(20); 3]),
        ),
        (
            "weight 0",
            |world| _ = say(world, [word(0), word(20), word(20)]),
            |world| _ = say(world, [word(20); 3]),
        ),
        (
            "no next hop",
            |world| {
                let address = key(TCP, 1).address;
                world.inputs.next_hops.insert(address, None);
                world.update();
            },
            |world| {
                let address = key(TCP, 1).address;
                let hop = Some(next_hop(address));
                world.inputs.next_hops.insert(address, hop);
                world.update();
            },
        ),
        (
            "quiesced by the operator",
            |world| quiesce(world, true),
            |world| quiesce(world, false),
        ),
    ];
    for (why, goes, comes) in kept_away {
        let mut world = settled(farm(Some(60), None));
        goes(&mut world);
        world.pass(SECOND);
        assert_eq!(world.slots(1), 0, "{why}: at once");
        comes(&mut world);
        // 1 of 33 sixteenths.
        assert_eq!(world.slots(1), SLOTS.div_ceil(33), "{why}");
        let mut before = world.slots(1);
        for _ in 0..12 {
            world.pass(5 * SECOND);
            let after = world.slots(1);
            assert!(after >= before, "{why}: it only grows");
            before = after;
        }
        assert_eq!(slots(&world), slots(&settled(farm(None, None))), "{why}");
        assert_eq!(world.balancer.deadline(), None);
    }
}

fn quiesce(world: &mut World, quiesced: bool) {
    let (group, now) = (world.specs[0].group.clone(), world.maps.now_ns);
    let changes = world
        .balancer
        .quiesce(&group, &key(TCP, 1), quiesced, now)
        .unwrap();
    world.apply(changes);
}

#[test]
fn the_smallest_weights_start_slowly_too() {
    let mut world = settled(farm(Some(60), None));
    say(&mut world, [DOWN, word(2), DOWN]);
    say(&mut world, [word(1), word(2), DOWN]);
    assert_eq!(world.slots(1), SLOTS.div_ceil(33));
    world.pass(30 * SECOND);
    assert_eq!(world.slots(1), SLOTS * 8 / 40);
    world.pass(30 * SECOND);
    assert_eq!(world.slots(1), 21845);
}

#[test]
fn who_goes_while_it_starts_begins_again() {
    let mut world = settled(farm(Some(60), None));
    say(&mut world, [DOWN, word(20), word(20)]);
    say(&mut world, [word(20); 3]);
    world.pass(45 * SECOND);
    assert!(world.slots(1) > 10_000);
    say(&mut world, [DOWN, word(20), word(20)]);
    assert_eq!(world.slots(1), 0);
    say(&mut world, [word(20); 3]);
    assert_eq!(world.slots(1), SLOTS.div_ceil(33));
}

#[test]
fn a_restart_lets_a_slow_start_go_on_and_begins_none() {
    let mut world = settled(farm(Some(60), None));
    say(&mut world, [DOWN, word(20), word(20)]);
    say(&mut world, [word(20); 3]);
    world.pass(30 * SECOND);
    let (before, due) = (table(&world), world.balancer.deadline());
    assert!(world.restart().is_empty());
    assert_eq!(tables(&world.update()), 0);
    assert_eq!(table(&world), before);
    assert_eq!(world.balancer.deadline(), due);
    assert_eq!(world.member(1).unwrap().why_applied, "slow_start");
    assert_eq!(world.member(2).unwrap().why_applied, "as_weighed");
    world.pass(30 * SECOND);
    assert_eq!(table(&world), unhindered([word(20); 3]));
}

#[test]
fn a_slow_start_leaves_no_member_inside_the_dead_band() {
    let mut world = settled(ServiceSpec {
        dead_band_permille: 1000,
        ..farm(Some(60), None)
    });
    say(&mut world, [DOWN, word(20), word(20)]);
    say(&mut world, [word(20); 3]);
    world.pass(60 * SECOND);
    assert_eq!(table(&world), unhindered([word(20); 3]));
}

#[test]
fn new_weights_move_no_more_slots_than_allowed_and_arrive_where_they_would_have_at_once() {
    let mut world = settled(farm(None, Some(100)));
    let words = [word(60), word(20), word(1)];
    let (wanted, limit) = (unhindered(words), 6553);
    let mut before = table(&world);
    let distance = moved(&before, &wanted);
    assert!(distance > 3 * limit, "a test of nothing");
    say(&mut world, words);
    assert_eq!(moved(&before, &table(&world)), limit);
    let mut steps = 1;
    while let Some(due) = world.balancer.deadline() {
        assert_eq!(due, world.maps.now_ns + 10_000_000_000);
        before = table(&world);
        // Nothing happens early, and the same words again are no reason to hurry.
        world.wait(10 * SECOND - Duration::from_nanos(1));
        let now = world.maps.now_ns;
        assert!(world.balancer.tick(now).is_empty());
        assert!(say(&mut world, words).is_empty());
        assert_eq!(world.pass(Duration::from_nanos(1)), 1);
        let step = moved(&before, &table(&world));
        assert!(step <= limit, "{step}");
        steps += 1;
    }
    assert_eq!(table(&world), wanted);
    assert_eq!(steps, distance.div_ceil(limit));
}

#[test]
fn weights_that_move_little_act_at_once_until_the_limit_is_used_up() {
    let mut world = settled(farm(None, Some(50)));
    let mut before = table(&world);
    let limit = 3276;
    let mut used = 0;
    for weight in [201, 202, 203, 204, 205, 206, 207, 208, 209, 210] {
        world.pass(SECOND);
        say(&mut world, [word(weight), word(200), word(200)]);
        let after = table(&world);
        used += moved(&before, &after);
        before = after;
        assert!(used <= limit, "{used}");
    }
    // The last move was less than ten seconds ago.
    assert!(world.pass(10 * SECOND) <= 1);
    assert_eq!(table(&world), unhindered([word(210), word(200), word(200)]));
}

#[test]
fn a_site_that_is_gone_gets_nothing_more_however_little_may_move() {
    for goes in [
        DOWN,
        word(0),
        Word {
            quiesce: true,
            ..word(20)
        },
        Word {
            confident: false,
            ..word(20)
        },
    ] {
        let mut world = settled(farm(None, Some(1)));
        // In the midst of a move that takes an hour.
        say(&mut world, [word(1), word(60), word(20)]);
        assert!(world.service_report().slots.to_move > 0);
        let changes = say(&mut world, [goes, goes, word(20)]);
        assert_eq!(tables(&changes), 1, "in one table");
        assert_eq!(slots(&world), [0, 0, SLOTS], "{goes:?}");
        // And back again at once: that is not a weight's doing.
        say(&mut world, [word(1), word(60), word(20)]);
        let weighed = unhindered([word(1), word(60), word(20)]);
        let of = |number: u8| weighed.iter().filter(|&&owner| owner == number).count();
        assert_eq!((world.slots(1), world.slots(2)), (of(1), of(2)));
    }
}

#[test]
fn what_may_not_wait_is_not_what_the_limit_counts() {
    let mut world = settled(farm(None, Some(100)));
    let mut before = table(&world);
    say(&mut world, [DOWN, word(20), word(20)]);
    let after = table(&world);
    assert!(moved(&before, &after) > 20_000);
    // But for the few slots that any change of members shuffles among the others.
    before = after;
    say(&mut world, [DOWN, word(60), word(20)]);
    let moved = moved(&before, &table(&world));
    assert!((6400..=6553).contains(&moved), "{moved}");
}

#[test]
fn a_restart_in_the_midst_of_a_move_moves_nothing_and_goes_on() {
    let mut world = settled(farm(None, Some(100)));
    let words = [word(60), word(20), word(1)];
    say(&mut world, words);
    world.pass(15 * SECOND);
    let before = table(&world);
    assert!(world.restart().is_empty());
    assert_eq!(tables(&world.update()), 0);
    assert_eq!(table(&world), before);
    assert!(world.pass(10 * SECOND - Duration::from_nanos(1)) == 0);
    assert_eq!(world.pass(Duration::from_nanos(1)), 1);
    assert_eq!(moved(&before, &table(&world)), 6553);
    world.pass(600 * SECOND);
    assert_eq!(table(&world), unhindered(words));
}

#[test]
fn a_config_without_the_limit_lets_the_rest_move_at_once() {
    let mut world = settled(farm(None, Some(100)));
    let words = [word(60), word(20), word(1)];
    say(&mut world, words);
    world.specs[0].move_limit = None;
    world.configure();
    assert_eq!(table(&world), unhindered(words));
    assert_eq!(world.balancer.deadline(), None);
}

#[test]
fn weights_that_change_their_mind_on_the_way_arrive_at_the_last_word() {
    let mut world = settled(farm(Some(30), Some(100)));
    for words in [
        [word(60), word(20), word(1)],
        [DOWN, word(20), word(1)],
        [word(1), word(20), word(60)],
    ] {
        say(&mut world, words);
        world.pass(17 * SECOND);
    }
    let input = world.inputs.groups.values_mut().next().unwrap();
    input.freshness = Freshness::Held;
    world.update();
    world.pass(600 * SECOND);
    assert_eq!(table(&world), unhindered([word(1), word(20), word(60)]));
}

#[test]
fn weights_that_creep_leave_the_dead_band_at_last() {
    let mut world = settled(ServiceSpec {
        dead_band_permille: 50,
        ..farm(None, None)
    });
    say(&mut world, [word(1000), word(1000), word(1000)]);
    let mut made = 0;
    for weight in (1000..1400).step_by(4) {
        made += tables(&say(&mut world, [word(weight), word(1000), word(1000)]));
        let member = world.member(1).unwrap();
        let off = (member.applied_weight - f64::from(weight)).abs() / f64::from(weight);
        assert!(off <= 0.06, "{weight}: {}", member.applied_weight);
        let inside = member.why_applied == "dead_band";
        assert_eq!(inside, f64::from(weight) != member.applied_weight.round());
    }
    assert!((3..12).contains(&made), "{made}");
}

#[test]
fn another_scale_of_the_same_weights_is_no_difference() {
    let mut world = settled(farm(None, None));
    assert_eq!(tables(&say(&mut world, [word(3), word(3), word(3)])), 0);
    let member = world.member(1).unwrap();
    assert_eq!((member.table_weight, member.applied_weight), (3, 3.0));
    assert_eq!(member.why_applied, "as_weighed");
}

#[test]
fn what_holds_a_weight_back_is_told() {
    let mut world = settled(farm(Some(60), Some(100)));
    say(&mut world, [word(60), word(20), word(1)]);
    let member = world.member(1).unwrap();
    assert_eq!(member.why_applied, "move_limit");
    let left = world.service_report().slots.to_move.div_ceil(6553);
    assert_eq!(
        member.applied_reason,
        format!("held back by move_limit: {left} steps left")
    );
    assert!(member.applied_weight < 60.0);
    world.pass(600 * SECOND);
    assert_eq!(world.member(1).unwrap().applied_reason, "as weighed");

    let mut world = settled(farm(Some(60), None));
    say(&mut world, [DOWN, word(20), word(1)]);
    say(&mut world, [word(60), word(20), word(1)]);
    world.pass(20 * SECOND);
    // The daemon looks at flows, and so at the clock.
    world.sweep();
    let member = world.member(1).unwrap();
    assert_eq!((member.effective_weight, member.ramped_weight), (60, 18.75));
    assert_eq!(member.why_applied, "slow_start");
    assert_eq!(member.applied_reason, "slow start: 40 s left");
    assert!((member.applied_weight - 18.75).abs() < 0.01);
    assert_eq!(world.member(2).unwrap().why_applied, "as_weighed");
}
