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
        [SET_LB, WEIGHTS, STATE],
        "the GWM may still have it"
    );
    assert_eq!(lab.gwm.member("A", 2).flags & weight_flags::QUIESCE, 0);
    reconnect(&mut lab);
    assert_eq!(lab.gwm.take_heard(), [SET_LB, WEIGHTS]);
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
    let mut lab = Lab::new(desired(&[("A", &[1, 2])]));
    lab.gwm.known = true;
    lab.gwm.member("A", 1).flags |= weight_flags::QUIESCE;
    lab.gwm.member("A", 2);
    lab.settle();
    assert_eq!(lab.gwm.take_heard(), [SET_LB, REGISTER, WEIGHTS, STATE]);
    assert_eq!(lab.gwm.member("A", 1).flags & weight_flags::QUIESCE, 0);
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
