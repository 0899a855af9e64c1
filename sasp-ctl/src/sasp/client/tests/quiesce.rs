//! Quiesced by the operator: told, told again, taken back.

use super::{lab::Lab, *};
use crate::sasp::code::{Code, Type, weight_flags};

const SET_LB: Type = Type::SET_LB_STATE_REQUEST;
const REGISTER: Type = Type::REGISTRATION_REQUEST;
const WEIGHTS: Type = Type::GET_WEIGHTS_REQUEST;
const STATE: Type = Type::SET_MEMBER_STATE_REQUEST;

fn reconnect(lab: &mut Lab) {
    lab.close();
    lab.reconnect();
}

#[test]
fn a_quiesced_member_is_told_and_told_again_after_reconnection_with_its_own_state() {
    let mut lab = Lab::new(desired(&[("A", &[1, 2])]));
    lab.settle();
    lab.gwm.heard.clear();
    let mut wanted = desired(&[("A", &[1, 2])]);
    lab.gwm.member("A", 2).state = 0x32;
    lab.push(None);
    set_quiesced(&mut wanted, "A", 2, true);
    lab.want(wanted.clone());
    assert_eq!(lab.gwm.take_heard(), [STATE]);
    assert_eq!(
        lab.gwm.member("A", 2).state,
        0x32,
        "the member's own state is left alone"
    );
    assert_ne!(lab.gwm.member("A", 2).flags & weight_flags::QUIESCE, 0);
    reconnect(&mut lab);
    assert_eq!(lab.gwm.take_heard(), [SET_LB, WEIGHTS, STATE]);
    assert_eq!(lab.gwm.member("A", 2).state, 0x32);
    lab.close();
    set_quiesced(&mut wanted, "A", 2, false);
    lab.want(wanted);
    lab.run(seconds(60));
    assert_eq!(
        lab.gwm.take_heard(),
        [SET_LB, WEIGHTS, STATE, WEIGHTS],
        "the GWM may still have it; its weight then is no more what it was"
    );
    assert_eq!(lab.gwm.member("A", 2).flags & weight_flags::QUIESCE, 0);
    reconnect(&mut lab);
    assert_eq!(lab.gwm.take_heard(), [SET_LB, WEIGHTS]);
}

#[test]
fn a_resumed_member_does_not_wait_for_the_next_poll_to_be_given_a_weight() {
    let mut wanted = desired(&[("A", &[1])]);
    wanted.lb_state.push = false;
    set_quiesced(&mut wanted, "A", 1, true);
    let mut lab = Lab::new(wanted.clone());
    lab.settle();
    lab.run(seconds(60));
    assert!(lab.weights("A").members[&key(1)].quiesce);
    set_quiesced(&mut wanted, "A", 1, false);
    lab.want(wanted);
    lab.run(seconds(1));
    assert!(!lab.weights("A").members[&key(1)].quiesce);
}

#[test]
fn a_refused_resume_is_not_repeated_before_the_next_connection() {
    let mut wanted = desired(&[("A", &[1])]);
    set_quiesced(&mut wanted, "A", 1, true);
    let mut lab = Lab::new(wanted);
    lab.settle();
    lab.gwm.heard.clear();
    lab.gwm.refuse.push_back((STATE, Code::NOT_ACCEPTED));
    lab.want(desired(&[("A", &[1])]));
    assert_eq!(lab.gwm.take_heard(), [STATE]);
    reconnect(&mut lab);
    assert_eq!(lab.gwm.take_heard(), [SET_LB, WEIGHTS, STATE]);
    assert_eq!(lab.gwm.member("A", 1).flags & weight_flags::QUIESCE, 0);
}

#[test]
fn a_restarted_balancer_resumes_what_its_predecessor_quiesced() {
    for octets in [&[1][..], &[1, 2]] {
        let mut lab = Lab::new(desired(&[("A", octets)]));
        lab.gwm.known = true;
        for octet in octets {
            lab.gwm.member("A", *octet).flags |= weight_flags::QUIESCE;
        }
        lab.settle();
        assert_eq!(lab.gwm.take_heard(), [SET_LB, REGISTER, WEIGHTS, STATE]);
        assert_eq!(lab.gwm.member("A", 1).flags & weight_flags::QUIESCE, 0);
    }
}

/// Members 1 and 2 of group A, quiesced or not.
fn both(quiesced: [bool; 2]) -> Desired {
    let mut wanted = desired(&[("A", &[1, 2])]);
    set_quiesced(&mut wanted, "A", 1, quiesced[0]);
    set_quiesced(&mut wanted, "A", 2, quiesced[1]);
    wanted
}

fn is_quiesced(lab: &mut Lab, octet: u8) -> bool {
    lab.gwm.member("A", octet).flags & weight_flags::QUIESCE != 0
}

#[test]
fn a_member_that_has_left_keeps_no_other_from_being_quiesced() {
    let mut lab = Lab::new(both([false, false]));
    lab.settle();
    lab.gwm.groups.get_mut(&name("A")).unwrap().remove(&key(2));
    lab.want(both([true, true]));
    assert!(is_quiesced(&mut lab, 1));
    lab.run(seconds(70));
    assert!(is_quiesced(&mut lab, 2), "it was registered again by then");
}

#[test]
fn a_quiesced_member_that_left_and_came_back_by_itself_is_quiesced_once_a_poll() {
    let mut lab = Lab::new(both([true, false]));
    lab.settle();
    for _ in 0..3 {
        lab.gwm.heard.clear();
        lab.gwm.member("A", 1).flags &= !weight_flags::QUIESCE;
        lab.push(None);
        assert_eq!(lab.gwm.take_heard(), []);
        lab.run(seconds(60));
        assert_eq!(
            lab.gwm.take_heard(),
            [Type::GET_WEIGHTS_REQUEST, Type::SET_MEMBER_STATE_REQUEST]
        );
        assert!(is_quiesced(&mut lab, 1));
    }
}

#[test]
fn a_member_that_was_deregistered_while_quiesced_is_quiesced_anew() {
    let mut lab = Lab::new(both([true, false]));
    lab.settle();
    lab.want(desired(&[("A", &[2])]));
    // It registers itself meanwhile, so that registering it finds it there.
    lab.gwm.member("A", 1);
    lab.want(both([true, false]));
    assert!(is_quiesced(&mut lab, 1));
}

#[test]
fn a_guest_is_quiesced_and_resumed_but_never_registered() {
    let mut wanted = desired(&[("A", &[1])]);
    wanted.lb_state.trust = true;
    wanted.quiesced_guests = [(name("A"), key(9))].into();
    let mut lab = Lab::new(wanted.clone());
    lab.settle();
    assert_eq!(
        lab.gwm.take_heard(),
        [SET_LB, REGISTER, WEIGHTS],
        "nothing is said of a guest that is not there"
    );
    lab.gwm.member("A", 9).flags &= !weight_flags::REGISTERED_BY_LB;
    lab.push(None);
    assert_eq!(lab.gwm.take_heard(), [STATE]);
    assert_ne!(lab.gwm.member("A", 9).flags & weight_flags::QUIESCE, 0);
    reconnect(&mut lab);
    assert_eq!(lab.gwm.take_heard(), [SET_LB, WEIGHTS, STATE]);
    wanted.quiesced_guests.clear();
    lab.want(wanted.clone());
    assert_eq!(lab.gwm.take_heard(), [STATE]);
    assert_eq!(lab.gwm.member("A", 9).flags & weight_flags::QUIESCE, 0);
    reconnect(&mut lab);
    assert_eq!(lab.gwm.take_heard(), [SET_LB, WEIGHTS]);
}

#[test]
fn a_guest_that_left_and_came_back_is_quiesced_again() {
    let mut wanted = desired(&[("A", &[1])]);
    wanted.lb_state.trust = true;
    wanted.quiesced_guests = [(name("A"), key(9))].into();
    let mut lab = Lab::new(wanted);
    lab.gwm.known = true;
    for _ in 0..2 {
        lab.gwm.member("A", 9).flags &= !weight_flags::REGISTERED_BY_LB;
        lab.settle();
        lab.push(None);
        assert_ne!(lab.gwm.member("A", 9).flags & weight_flags::QUIESCE, 0);
        lab.gwm.groups.get_mut(&name("A")).unwrap().remove(&key(9));
        lab.push(None);
    }
    let told = lab.gwm.take_heard();
    assert_eq!(told.iter().filter(|kind| **kind == STATE).count(), 2);
}
