//! Whole sessions: the RFC's flows, reconnection, reload, refusal.

use super::{lab::Lab, *};
use crate::sasp::code::{Code, Type, weight_flags};

const SET_LB: Type = Type::SET_LB_STATE_REQUEST;
const REGISTER: Type = Type::REGISTRATION_REQUEST;
const DEREGISTER: Type = Type::DEREGISTRATION_REQUEST;
const WEIGHTS: Type = Type::GET_WEIGHTS_REQUEST;
const STATE: Type = Type::SET_MEMBER_STATE_REQUEST;

/// A session in sync, with what it did so far forgotten.
fn synced(groups: &[(&str, &[u8])]) -> Lab {
    let mut lab = Lab::new(desired(groups));
    lab.settle();
    assert_eq!(lab.client.snapshot().state, State::Active);
    lab.gwm.heard.clear();
    lab.events.clear();
    lab
}

fn reconnect(lab: &mut Lab) {
    lab.close();
    lab.reconnect();
}

fn registered(groups: &[(&str, &[u8])]) -> Vec<(String, Vec<MemberKey>)> {
    let keys = |octets: &[u8]| octets.iter().map(|octet| key(*octet)).collect();
    groups
        .iter()
        .map(|(group, octets)| ((*group).to_owned(), keys(octets)))
        .collect()
}

#[test]
fn flow_9_3_registers_gets_weights_and_sees_a_member_quiesce_itself() {
    let mut lab = Lab::new(desired(&[("GRP1", &[1, 2, 3])]));
    lab.settle();
    assert_eq!(lab.gwm.take_heard(), [SET_LB, REGISTER, WEIGHTS]);
    assert!(lab.events.contains(&Event::Synced { groups: 1 }));
    lab.gwm.member("GRP1", 3).flags |= weight_flags::QUIESCE;
    lab.gwm.member("GRP1", 3).state = 0x0a;
    lab.gwm.member("GRP1", 3).weight = 5;
    lab.run(seconds(60));
    assert_eq!(lab.gwm.take_heard(), [WEIGHTS]);
    assert_eq!(
        lab.weights("GRP1").members[&key(3)],
        MemberWeight {
            contact: true,
            quiesce: true,
            confident: true,
            by_lb: true,
            weight: 5,
            state: 0x0a
        }
    );
    assert!(!lab.weights("GRP1").members[&key(1)].quiesce);
}

#[test]
fn flow_9_4_members_register_themselves_and_the_balancer_deregisters_everything() {
    let mut wanted = desired(&[("GRP1", &[])]);
    wanted.lb_state = LbState {
        trust: true,
        ..LbState::default()
    };
    let mut lab = Lab::new(wanted);
    lab.settle();
    assert_eq!(lab.gwm.take_heard(), [SET_LB, WEIGHTS]);
    assert_eq!(lab.gwm.lb_flags, 3);
    lab.events.clear();
    let by_itself = weight_flags::CONTACT | weight_flags::CONFIDENT;
    lab.gwm.member("GRP1", 1).flags = by_itself;
    lab.gwm.member("GRP1", 2).flags = by_itself;
    lab.push(None);
    let [Event::Weights { weights, unknown }] = &lab.take_events()[..] else {
        panic!()
    };
    assert!(weights.members.is_empty(), "nobody asked for them");
    assert_eq!(
        unknown.keys().copied().collect::<Vec<_>>(),
        [key(1), key(2)]
    );
    assert!(!unknown[&key(1)].by_lb);
    lab.gwm
        .groups
        .get_mut(&name("GRP1"))
        .unwrap()
        .remove(&key(1));
    lab.push(None);
    let [Event::Weights { unknown, .. }] = &lab.take_events()[..] else {
        panic!()
    };
    assert_eq!(unknown.len(), 1, "one that left by itself is gone at once");
    lab.client.deregister_all(lab.now);
    assert_eq!(lab.take_events(), [Event::DeregisteredAll(Ok(()))]);
    assert_eq!(lab.gwm.registered(), []);
    assert_eq!(lab.client.snapshot().state, State::Disabled);
}

#[test]
fn a_balancer_that_comes_back_within_the_grace_time_registers_nothing() {
    let mut lab = synced(&[("A", &[1, 2]), ("B", &[3])]);
    reconnect(&mut lab);
    assert_eq!(lab.gwm.take_heard(), [SET_LB, WEIGHTS]);
    assert_eq!(lab.client.snapshot().state, State::Active);
    assert!(
        !lab.weights("A").converging,
        "the GWM is sure of everything"
    );
}

#[test]
fn a_balancer_that_the_gwm_forgot_registers_everything_anew() {
    let mut lab = synced(&[("A", &[1, 2]), ("B", &[3])]);
    lab.gwm.forget();
    lab.gwm.refuse.push_back((WEIGHTS, Code::UNKNOWN_LB));
    reconnect(&mut lab);
    lab.run(seconds(1));
    assert_eq!(
        lab.gwm.take_heard(),
        [SET_LB, WEIGHTS, REGISTER, REGISTER, WEIGHTS]
    );
    assert_eq!(
        lab.gwm.registered(),
        registered(&[("A", &[1, 2]), ("B", &[3])])
    );
}

#[test]
fn reconnection_deregisters_what_is_gone_and_registers_what_is_missing() {
    let mut lab = synced(&[("A", &[1, 2]), ("B", &[3])]);
    lab.close();
    lab.want(desired(&[("A", &[2, 4]), ("C", &[5])]));
    lab.gwm.groups.get_mut(&name("A")).unwrap().remove(&key(2));
    lab.run(seconds(30));
    assert_eq!(
        lab.gwm.take_heard(),
        [
            SET_LB, WEIGHTS, DEREGISTER, DEREGISTER, REGISTER, REGISTER, WEIGHTS
        ]
    );
    assert_eq!(
        lab.gwm.registered(),
        registered(&[("A", &[2, 4]), ("C", &[5])])
    );
}

#[test]
fn a_restarted_balancer_that_is_still_registered_reads_back_and_registers_the_rest() {
    let mut lab = Lab::new(desired(&[("A", &[1, 2, 3])]));
    lab.gwm.known = true;
    lab.gwm.member("A", 2);
    lab.gwm.member("OLD", 9);
    lab.settle();
    assert_eq!(
        lab.gwm.take_heard(),
        [SET_LB, REGISTER, WEIGHTS, DEREGISTER, REGISTER],
        "and no answer made it remove what is wanted"
    );
    assert_eq!(lab.gwm.registered(), registered(&[("A", &[1, 2, 3])]));
}

#[test]
fn a_gwm_that_hides_what_it_has_gets_the_members_one_by_one() {
    let mut wanted = desired(&[("A", &[1, 2, 3])]);
    wanted.lb_state.no_change = true;
    let mut lab = Lab::new(wanted);
    lab.gwm.known = true;
    lab.gwm.member("A", 2);
    let refused = (REGISTER, Code::MEMBER_ALREADY_REGISTERED);
    lab.gwm
        .refuse
        .extend([refused, (WEIGHTS, Code::UNKNOWN_GROUP)]);
    lab.settle();
    assert_eq!(
        lab.gwm.take_heard(),
        [
            SET_LB, REGISTER, WEIGHTS, REGISTER, REGISTER, REGISTER, REGISTER
        ]
    );
    assert_eq!(lab.gwm.registered(), registered(&[("A", &[1, 2, 3])]));
    lab.run(seconds(1));
    assert_eq!(lab.client.snapshot().state, State::Active);
}

#[test]
fn a_reload_tells_the_difference_only() {
    let mut lab = synced(&[("A", &[1, 2]), ("B", &[3])]);
    let mut wanted = desired(&[("A", &[1, 4]), ("C", &[5])]);
    wanted.lb_state.health = 0x40;
    lab.want(wanted.clone());
    lab.run(seconds(1));
    assert_eq!(
        lab.gwm.take_heard(),
        [SET_LB, DEREGISTER, DEREGISTER, REGISTER, REGISTER, WEIGHTS]
    );
    assert_eq!(
        lab.gwm.registered(),
        registered(&[("A", &[1, 4]), ("C", &[5])])
    );
    lab.want(wanted);
    assert_eq!(lab.gwm.take_heard(), []);
}

#[test]
fn members_that_the_gwm_lost_are_registered_again_and_have_no_weight_meanwhile() {
    let mut lab = synced(&[("A", &[1, 2])]);
    lab.gwm.groups.get_mut(&name("A")).unwrap().remove(&key(2));
    lab.push(None);
    assert_eq!(
        lab.gwm.take_heard(),
        [],
        "weights sent unasked may be incomplete"
    );
    assert!(lab.weights("A").members[&key(2)].confident);
    lab.run(seconds(60));
    assert_eq!(lab.gwm.take_heard(), [WEIGHTS, REGISTER]);
    assert_eq!(
        lab.weights("A").members.keys().copied().collect::<Vec<_>>(),
        [key(1)]
    );
    assert!(
        !lab.weights("A").converging,
        "the rest of the group is known well"
    );
    lab.run(seconds(1));
    assert!(lab.weights("A").members[&key(2)].confident);
}

#[test]
fn groups_may_come_in_any_order_in_parts_and_twice() {
    let mut lab = synced(&[("A", &[1, 2]), ("B", &[1])]);
    lab.gwm.member("A", 1).weight = 1;
    lab.gwm.member("A", 2).weight = 2;
    lab.gwm.member("B", 1).weight = 3;
    lab.gwm.member("X", 7);
    lab.gwm.backwards = true;
    lab.push(None);
    let weight = |lab: &Lab, group, octet| lab.weights(group).members[&key(octet)].weight;
    let all = |lab: &Lab| {
        (
            weight(lab, "A", 1),
            weight(lab, "A", 2),
            weight(lab, "B", 1),
        )
    };
    assert_eq!(
        all(&lab),
        (1, 2, 3),
        "one member weighs differently in two groups"
    );
    lab.gwm.member("B", 1).weight = 65_535;
    lab.push(Some(&["B"]));
    assert_eq!(all(&lab), (1, 2, 65_535));
    lab.push(Some(&[]));
    assert_eq!(all(&lab), (1, 2, 65_535), "an empty push says nothing");
    assert_eq!(
        lab.gwm.take_heard(),
        [],
        "a group that nobody wants is left alone in a push"
    );
}

#[test]
fn a_group_that_comes_back_empty_in_a_complete_answer_is_registered_again() {
    for empty in [true, false] {
        let mut lab = synced(&[("A", &[1]), ("B", &[2])]);
        lab.gwm.groups.remove(&name("A"));
        if empty {
            lab.gwm.groups.insert(name("A"), [].into());
        }
        lab.run(seconds(60));
        assert_eq!(lab.gwm.take_heard(), [WEIGHTS, REGISTER], "listed: {empty}");
        assert!(lab.weights("A").members.is_empty());
        assert!(lab.weights("B").members[&key(2)].confident);
        lab.run(seconds(1));
        assert!(lab.weights("A").members[&key(1)].confident);
    }
}

#[test]
fn under_no_change_pushes_bring_what_changed_and_polls_list_groups_without_members() {
    let mut wanted = desired(&[("A", &[1, 2]), ("B", &[3])]);
    wanted.lb_state.no_change = true;
    let mut lab = Lab::new(wanted);
    lab.settle();
    lab.gwm.heard.clear();
    let kept = lab.gwm.groups.clone();
    lab.gwm.groups.remove(&name("B"));
    lab.gwm.groups.insert(name("A"), [].into());
    lab.gwm.member("A", 2).weight = 9;
    lab.push(None);
    lab.gwm.groups.values_mut().for_each(BTreeMap::clear);
    lab.run(seconds(60));
    assert_eq!(lab.gwm.take_heard(), [WEIGHTS], "nothing is taken for lost");
    let weights = |group, octet| lab.weights(group).members[&key(octet)].weight;
    assert_eq!((weights("A", 1), weights("A", 2)), (10, 9));
    // B was in neither; that it is known from the beginning shows in the next words about it.
    lab.gwm.groups = kept;
    lab.run(seconds(60));
    assert_eq!(lab.weights("B").members[&key(3)].weight, 10);
}

#[test]
fn what_a_balancer_of_our_name_has_registered_and_we_do_not_want_goes_and_members_own_stay() {
    let mut lab = Lab::new(desired(&[("A", &[1])]));
    lab.gwm.known = true;
    lab.gwm.member("A", 8);
    lab.gwm.member("A", 9).flags &= !weight_flags::REGISTERED_BY_LB;
    lab.gwm.member("OWN", 9).flags &= !weight_flags::REGISTERED_BY_LB;
    lab.settle();
    assert_eq!(
        lab.gwm.registered(),
        registered(&[("A", &[1, 9]), ("OWN", &[9])])
    );
}

#[test]
fn twins_that_want_the_same_take_nothing_from_each_other() {
    let mut lab = synced(&[("A", &[1, 2])]);
    // The twin registers nothing, because it is there; its connection ends ours.
    for _ in 0..4 {
        reconnect(&mut lab);
        lab.run(seconds(30));
    }
    let heard = lab.gwm.take_heard();
    assert!(
        !heard.contains(&DEREGISTER) && !heard.contains(&REGISTER),
        "{heard:?}"
    );
}

#[test]
fn under_no_change_absence_means_unchanged() {
    let mut wanted = desired(&[("A", &[1, 2])]);
    wanted.lb_state.no_change = true;
    let mut lab = Lab::new(wanted);
    lab.settle();
    assert_eq!(lab.gwm.lb_flags, 5);
    lab.gwm.groups.get_mut(&name("A")).unwrap().remove(&key(2));
    lab.gwm.member("A", 1).weight = 33;
    lab.gwm.heard.clear();
    lab.run(seconds(61));
    assert_eq!(lab.gwm.take_heard(), [WEIGHTS]);
    let weights = lab.weights("A");
    assert_eq!(
        (
            weights.members[&key(1)].weight,
            weights.members[&key(2)].weight
        ),
        (33, 10)
    );
}

#[test]
fn a_refused_group_harms_no_other_and_is_tried_again_later() {
    let mut lab = Lab::new(desired(&[("A", &[1]), ("B", &[2])]));
    lab.gwm.refuse.push_back((REGISTER, Code::INVALID_GROUP));
    lab.settle();
    assert!(lab.events.contains(&Event::Refused {
        request: REGISTER,
        group: Some(name("A")),
        code: Code::INVALID_GROUP
    }));
    assert_eq!(lab.gwm.registered(), registered(&[("B", &[2])]));
    lab.run(seconds(299));
    assert_eq!(lab.gwm.registered(), registered(&[("B", &[2])]));
    lab.run(seconds(2));
    assert_eq!(
        lab.gwm.registered(),
        registered(&[("A", &[1]), ("B", &[2])])
    );
}

#[test]
fn a_gwm_that_forgets_in_mid_session_is_told_everything_again() {
    let mut lab = synced(&[("A", &[1, 2])]);
    lab.gwm.forget();
    lab.run(seconds(61));
    assert_eq!(lab.gwm.take_heard(), [WEIGHTS, SET_LB, REGISTER, WEIGHTS]);
    assert!(lab.gwm.is_push());
}

#[test]
fn a_gwm_that_never_knows_us_is_left_alone_for_a_while() {
    let mut lab = Lab::new(desired(&[("A", &[1])]));
    lab.gwm.refuse.extend([(REGISTER, Code::UNKNOWN_LB); 3]);
    lab.settle();
    assert_eq!(lab.client.snapshot().state, State::Backoff);
}

#[test]
fn replies_typed_as_in_figures_20_and_22_are_taken_by_their_id() {
    let mut lab = Lab::new(desired(&[("A", &[1])]));
    lab.gwm.as_in_figures = true;
    let mut wanted = desired(&[("A", &[1])]);
    set_quiesced(&mut wanted, "A", 1, true);
    lab.want(wanted);
    assert_eq!(lab.client.snapshot().counters.wrong_types, 0);
    assert_eq!(lab.gwm.take_heard(), [SET_LB, REGISTER, STATE, WEIGHTS]);
}

#[test]
fn weights_between_a_request_and_its_reply_are_taken() {
    let mut lab = Lab::new(desired(&[("A", &[1])]));
    lab.gwm.member("A", 1).weight = 77;
    lab.gwm.known = true;
    lab.client.handle_connected(lab.now);
    lab.deliver(&lab.gwm.push(None));
    let weight = |event: Option<Event>| match event {
        Some(Event::Weights { weights, .. }) => weights.members[&key(1)].weight,
        other => panic!("{other:?}"),
    };
    assert_eq!(lab.client.poll_event(), Some(Event::Connected));
    assert_eq!(weight(lab.client.poll_event()), 77);
    lab.settle();
    assert_eq!(
        lab.gwm.take_heard(),
        [SET_LB, REGISTER, WEIGHTS],
        "a push is no answer to who is registered"
    );
    assert_eq!(lab.client.snapshot().state, State::Active);
}

#[test]
fn under_no_change_members_that_we_deregistered_are_forgotten() {
    let wanted = |octets: &[u8]| {
        let mut wanted = desired(&[("A", octets)]);
        wanted.lb_state.no_change = true;
        wanted
    };
    let mut lab = Lab::new(wanted(&[1, 2]));
    lab.settle();
    lab.want(wanted(&[1]));
    let last = lab.take_events().pop();
    let Some(Event::Weights { weights, unknown }) = last else {
        panic!("{last:?}")
    };
    assert_eq!(weights.members.len(), 1);
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn no_change_comes_only_after_a_complete_answer_if_members_were_trusted() {
    let wanted = |trust, no_change| {
        let mut wanted = desired(&[("A", &[1, 2])]);
        (wanted.lb_state.trust, wanted.lb_state.no_change) = (trust, no_change);
        wanted
    };
    let mut lab = Lab::new(wanted(true, true));
    lab.settle();
    assert_eq!(lab.gwm.take_heard(), [SET_LB, REGISTER, WEIGHTS]);
    // One leaves by itself, and nobody has heard of it yet.
    lab.gwm.groups.get_mut(&name("A")).unwrap().remove(&key(2));
    lab.want(wanted(false, true));
    lab.run(seconds(1));
    assert_eq!(
        lab.gwm.take_heard(),
        [SET_LB, WEIGHTS, SET_LB, REGISTER, WEIGHTS]
    );
    assert_eq!(lab.gwm.lb_flags, 5);
    assert_eq!(lab.gwm.registered(), registered(&[("A", &[1, 2])]));
}
