//! What weight entries say: rules, quiesce, opaque state, who registered.

use super::*;
use crate::sasp::code::member_flags::QUIESCE;

const FULL: u8 = CONTACT | BY_LB | CONFIDENT;

fn world() -> (Bed, ConnectionId, ConnectionId) {
    let mut bed = Bed::new();
    let a = bed.balancer("A", TRUST);
    assert_eq!(
        bed.code(a, register(LB, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
    let member = bed.connect();
    (bed, a, member)
}

#[test]
fn a_rule_gives_contact_and_confidence_and_a_member_without_one_gets_neither() {
    let (mut bed, a, member) = world();
    assert_eq!(
        bed.code(member, register(MEMBER, &[("A", "G", &[2, 9])])),
        Code::SUCCESS
    );
    let expected = [
        row("G", 1, FULL, 10),
        row("G", 2, CONTACT | CONFIDENT, 20),
        row("G", 9, 0, 0),
    ];
    assert_eq!(bed.weights(a, "A", "G"), expected);
}

#[test]
fn a_rule_for_one_balancer_comes_before_a_rule_for_all() {
    let mut rules = Weights::default();
    let (group, member) = (name("G"), key(1));
    rules
        .insert(None, &group, member, Assessment::fixed(1))
        .unwrap();
    rules
        .insert(Some(&name("A")), &group, member, Assessment::fixed(2))
        .unwrap();
    assert_eq!(rules.assess(&name("A"), &group, &member).weight, 2);
    assert_eq!(rules.assess(&name("B"), &group, &member).weight, 1);
    assert_eq!(
        rules.insert(None, &group, member, Assessment::fixed(3)),
        Err(Conflict)
    );
    assert_eq!(
        rules.assess(&name("B"), &group, &member).weight,
        1,
        "the first rule stays"
    );
    assert_eq!(rules.len(), 2);
}

#[test]
fn a_quiesced_member_stays_listed_with_weight_zero() {
    let (mut bed, a, _) = world();
    let set = |flags| set_member_state(LB, (0, flags), &[("A", "G", &[1])]);
    assert_eq!(bed.code(a, set(QUIESCE | 0xfe)), Code::SUCCESS);
    assert_eq!(bed.weights(a, "A", "G"), [row("G", 1, FULL | QUIESCED, 0)]);
    assert_eq!(
        bed.code(a, set(0xfe)),
        Code::SUCCESS,
        "only the lowest bit counts"
    );
    assert_eq!(bed.weights(a, "A", "G"), [row("G", 1, FULL, 10)]);
}

#[test]
fn a_member_that_publishes_its_state_does_not_undo_the_balancers_quiesce() {
    let (mut bed, a, member) = world();
    let set = |by, flags| set_member_state(by, (0x32, flags), &[("A", "G", &[1])]);
    let quiesced = [row("G", 1, FULL | QUIESCED, 0)];
    assert_eq!(bed.code(a, set(LB, QUIESCE)), Code::SUCCESS);
    assert_eq!(bed.code(member, set(MEMBER, 0)), Code::SUCCESS);
    assert_eq!(bed.weights(a, "A", "G"), quiesced);
    assert_eq!(bed.code(member, set(MEMBER, QUIESCE)), Code::SUCCESS);
    assert_eq!(bed.code(a, set(LB, 0)), Code::SUCCESS);
    assert_eq!(
        bed.weights(a, "A", "G"),
        quiesced,
        "and the other way round"
    );
    assert_eq!(bed.code(member, set(MEMBER, 0)), Code::SUCCESS);
    assert_eq!(bed.weights(a, "A", "G"), [row("G", 1, FULL, 10)]);
}

#[test]
fn the_opaque_state_is_that_of_the_last_writer_and_the_label_is_echoed() {
    let (mut bed, a, member) = world();
    for (sender, by, state) in [(a, LB, 1), (member, MEMBER, 2)] {
        let set = set_member_state(by, (state, 0), &[("A", "G", &[1])]);
        assert_eq!(bed.code(sender, set), Code::SUCCESS);
        let Body::GetWeightsReply(reply) = bed.ask(a, get_weights(&[("A", "G")])) else {
            panic!("no Get Weights Reply");
        };
        let entry = &reply.groups[0].items[0];
        assert_eq!((entry.state, &entry.member.label), (state, &name("label")));
    }
}

#[test]
fn a_member_registered_again_starts_afresh() {
    let (mut bed, a, _) = world();
    let quiesce = set_member_state(LB, (7, QUIESCE), &[("A", "G", &[1])]);
    assert_eq!(bed.code(a, quiesce), Code::SUCCESS);
    assert_eq!(
        bed.code(a, deregister(LB, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
    assert_eq!(
        bed.code(a, get_weights(&[("A", "G")])),
        Code::UNKNOWN_GROUP,
        "it was the last"
    );
    assert_eq!(
        bed.code(a, register(LB, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
    assert_eq!(bed.weights(a, "A", "G"), [row("G", 1, FULL, 10)]);
}

#[test]
fn all_groups_come_by_name_and_named_groups_in_the_order_asked_for() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", 0);
    let request = register(LB, &[("A", "Y", &[2]), ("A", "X", &[1])]);
    assert_eq!(bed.code(a, request), Code::SUCCESS);
    assert_eq!(
        bed.weights(a, "A", ""),
        [row("X", 1, BY_LB, 0), row("Y", 2, BY_LB, 0)]
    );
    let Body::GetWeightsReply(reply) = bed.ask(a, get_weights(&[("A", "Y"), ("A", "X")])) else {
        panic!("no Get Weights Reply");
    };
    assert_eq!(
        rows(&reply.groups),
        [row("Y", 2, BY_LB, 0), row("X", 1, BY_LB, 0)]
    );
}
