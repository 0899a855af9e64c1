//! Send Weights and No-Change on a virtual clock.

use super::*;
use crate::sasp::code::member_flags::QUIESCE;

const FULL: u8 = CONTACT | BY_LB | CONFIDENT;

/// A balancer with these flags, members 1 and 2 in group G and 3 in group H, and nothing waiting.
fn settled(flags: u8) -> (Bed, ConnectionId) {
    let mut bed = Bed::new();
    let a = bed.balancer("A", flags);
    let request = register(LB, &[("A", "G", &[1, 2]), ("A", "H", &[3])]);
    assert_eq!(bed.code(a, request), Code::SUCCESS);
    while bed.pushed(a).is_some() {}
    while bed.gwm.poll_ready().is_some() {}
    (bed, a)
}

/// The policy with member 1 of group G at another weight.
fn reweighted(weight: u16) -> Policy {
    let mut policy = Policy::default();
    for (member, weight) in [(1, weight), (2, 20)] {
        set_weight(&mut policy, "G", member, weight);
    }
    policy
}

#[test]
fn a_registration_is_pushed_at_once_after_its_reply() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", PUSH);
    assert_eq!(bed.pushed(a), None, "there is nothing to tell yet");
    assert_eq!(
        bed.code(a, register(LB, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
    assert_eq!(bed.pushed(a), Some(vec![row("G", 1, FULL, 10)]));
    assert_eq!(bed.pushed(a), None);
}

#[test]
fn nothing_is_pushed_without_the_push_flag() {
    let (mut bed, a) = settled(0);
    bed.gwm.set_policy(reweighted(99), bed.now);
    bed.pass(Duration::from_secs(100));
    assert_eq!(bed.pushed(a), None);
    assert_eq!(bed.gwm.poll_ready(), None);
}

#[test]
fn a_changed_weight_is_pushed_at_once_and_the_driver_is_told() {
    let (mut bed, a) = settled(PUSH);
    let changed = bed.gwm.set_policy(reweighted(99), bed.now);
    assert_eq!(
        changed,
        Reassessed {
            members: 1,
            balancers: 1
        }
    );
    assert_eq!(bed.gwm.poll_ready(), Some(a));
    let all = [
        row("G", 1, FULL, 99),
        row("G", 2, FULL, 20),
        row("H", 3, BY_LB, 0),
    ];
    assert_eq!(bed.pushed(a), Some(all.to_vec()));
}

#[test]
fn a_policy_that_changes_no_weight_is_not_pushed() {
    let (mut bed, a) = settled(PUSH);
    let changed = bed.gwm.set_policy(policy(), bed.now);
    assert_eq!(changed, Reassessed::default());
    assert_eq!(bed.pushed(a), None);
}

#[test]
fn a_slow_reader_gets_the_latest_weights_once_and_no_queue() {
    let (mut bed, a) = settled(PUSH | NO_CHANGE);
    for weight in 100..200 {
        bed.gwm.set_policy(reweighted(weight), bed.now);
        bed.pass(Duration::from_secs(11));
    }
    assert_eq!(bed.pushed(a), Some(vec![row("G", 1, FULL, 199)]));
    assert_eq!(bed.pushed(a), None);
}

#[test]
fn the_interval_pushes_everything_unless_nothing_changed_under_no_change() {
    for (flags, expected) in [(PUSH, Some(3)), (PUSH | NO_CHANGE, None)] {
        let (mut bed, a) = settled(flags);
        bed.pass(Duration::from_millis(9_999));
        assert_eq!(bed.pushed(a), None);
        bed.pass(Duration::from_millis(1));
        assert_eq!(bed.pushed(a).map(|rows| rows.len()), expected);
        bed.pass(Duration::from_secs(10));
        assert_eq!(bed.pushed(a).map(|rows| rows.len()), expected, "and again");
    }
}

#[test]
fn under_no_change_a_push_leaves_out_members_and_groups_without_a_change() {
    let (mut bed, a) = settled(PUSH | NO_CHANGE);
    let quiesce = set_member_state(LB, (0, QUIESCE), &[("A", "G", &[2])]);
    assert_eq!(bed.code(a, quiesce), Code::SUCCESS);
    assert_eq!(bed.pushed(a), Some(vec![row("G", 2, FULL | QUIESCED, 0)]));
    assert_eq!(
        bed.code(a, register(LB, &[("A", "H", &[4])])),
        Code::SUCCESS
    );
    assert_eq!(
        bed.pushed(a),
        Some(vec![row("H", 4, BY_LB, 0)]),
        "a new member is a change"
    );
}

#[test]
fn under_no_change_get_weights_lists_the_groups_asked_for_without_unchanged_members() {
    let (mut bed, a) = settled(NO_CHANGE);
    assert_eq!(
        bed.weights(a, "A", "G").len(),
        2,
        "the first answer is complete"
    );
    assert_eq!(
        bed.weights(a, "A", ""),
        [row("H", 3, BY_LB, 0)],
        "G was sent, H was not"
    );
    let Body::GetWeightsReply(reply) = bed.ask(a, get_weights(&[("A", "H"), ("A", "G")])) else {
        panic!("no Get Weights Reply");
    };
    let listed: Vec<_> = reply
        .groups
        .iter()
        .map(|g| (g.group.name.clone(), g.items.len()))
        .collect();
    assert_eq!(listed, [(name("H"), 0), (name("G"), 0)]);
    bed.gwm.set_policy(reweighted(11), bed.now);
    assert_eq!(bed.weights(a, "A", ""), [row("G", 1, FULL, 11)]);
}

#[test]
fn the_first_answer_on_a_connection_is_complete_whatever_was_pushed_on_it() {
    let (mut bed, a) = settled(PUSH | NO_CHANGE);
    let all = [
        row("G", 1, FULL, 10),
        row("G", 2, FULL, 20),
        row("H", 3, BY_LB, 0),
    ];
    assert_eq!(bed.weights(a, "A", ""), all);
    assert_eq!(bed.weights(a, "A", ""), []);
}

#[test]
fn an_opaque_state_counts_as_a_change() {
    let (mut bed, a) = settled(PUSH | NO_CHANGE);
    let publish = |state| set_member_state(LB, (state, 0), &[("A", "G", &[2])]);
    assert_eq!(bed.code(a, publish(0x32)), Code::SUCCESS);
    assert_eq!(bed.pushed(a), Some(vec![row("G", 2, FULL, 20)]));
    assert_eq!(bed.code(a, publish(0x32)), Code::SUCCESS);
    assert_eq!(bed.pushed(a), None, "the same again is none");
}

#[test]
fn a_reconnected_balancer_is_pushed_everything_again() {
    let (mut bed, a) = settled(PUSH | NO_CHANGE);
    bed.gwm.handle_disconnect(a, bed.now);
    let again = bed.connect();
    let Body::GetWeightsReply(reply) = bed.ask(again, get_weights(&[("A", "G")])) else {
        panic!("no Get Weights Reply");
    };
    assert_eq!(
        reply.groups[0].items.len(),
        2,
        "what was sent last is per connection"
    );
    assert_eq!(
        bed.pushed(again),
        Some(vec![row("H", 3, BY_LB, 0)]),
        "the flags survived"
    );
}

#[test]
fn the_last_member_that_leaves_by_itself_is_told_once() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", PUSH | TRUST);
    let member = bed.connect();
    assert_eq!(
        bed.code(member, register(MEMBER, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
    assert_eq!(
        bed.pushed(a),
        Some(vec![row("G", 1, CONTACT | CONFIDENT, 10)])
    );
    assert_eq!(
        bed.code(member, deregister(MEMBER, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
    assert_eq!(bed.pushed(a), Some(vec![]));
    bed.pass(Duration::from_secs(10));
    assert_eq!(bed.pushed(a), None);
}

#[test]
fn switching_push_on_pushes_at_once_and_off_stops_it() {
    let (mut bed, a) = settled(0);
    assert_eq!(bed.code(a, set_lb_state("A", PUSH)), Code::SUCCESS);
    assert_eq!(bed.pushed(a).map(|rows| rows.len()), Some(3));
    bed.pass(Duration::from_secs(10));
    assert_eq!(bed.code(a, set_lb_state("A", 0)), Code::SUCCESS);
    assert_eq!(bed.pushed(a), None);
    assert_eq!(bed.gwm.poll_timeout(), None);
}

#[test]
fn a_shorter_interval_takes_effect_without_waiting_for_the_old_one() {
    let (mut bed, a) = settled(PUSH);
    let interval = SECOND;
    bed.gwm.set_policy(
        Policy {
            interval,
            ..policy()
        },
        bed.now,
    );
    bed.pass(SECOND);
    assert_eq!(bed.pushed(a).map(|rows| rows.len()), Some(3));
}

#[test]
fn after_a_large_push_the_next_one_waits_and_tells_all_that_happened_meanwhile() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", PUSH);
    let many: Vec<u8> = (1..=250).collect();
    for group in ["G", "H"] {
        let request = register(LB, &[("A", group, &many)]);
        assert_eq!(bed.code(a, request), Code::SUCCESS);
    }
    assert_eq!(bed.pushed(a).map(|rows| rows.len()), Some(500));
    for group in ["I", "J"] {
        let request = register(LB, &[("A", group, &[1])]);
        assert_eq!(bed.code(a, request), Code::SUCCESS);
        assert_eq!(bed.pushed(a), None, "500 entries are followed by a pause");
    }
    while bed.gwm.poll_ready().is_some() {}
    let pause = Duration::from_millis(5);
    assert_eq!(bed.gwm.poll_timeout(), Some(bed.now + pause));
    bed.pass(pause);
    assert_eq!(bed.gwm.poll_ready(), Some(a));
    assert_eq!(bed.pushed(a).map(|rows| rows.len()), Some(502));
    assert_eq!(bed.pushed(a), None);
}
