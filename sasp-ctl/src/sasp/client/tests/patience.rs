//! How long a GWM is given: until it has looked at the members, when it gives no weights, and when we go.

use super::{gwm::Known, lab::Lab, *};
use crate::sasp::code::{Code, Type, weight_flags};

const WEIGHTS: Type = Type::GET_WEIGHTS_REQUEST;

#[test]
fn a_new_group_converges_for_two_intervals_unless_the_gwm_is_sure_before() {
    let mut lab = Lab::new(desired(&[("A", &[1, 2])]));
    lab.gwm.newborn = Known {
        flags: weight_flags::CONFIDENT,
        ..Known::good()
    };
    lab.settle();
    assert!(lab.weights("A").converging);
    assert_eq!(lab.client.snapshot().state, State::Converging);
    lab.run(seconds(119));
    assert!(lab.weights("A").converging);
    lab.events.clear();
    lab.run(seconds(2));
    assert!(
        !lab.weights("A").converging,
        "the end of convergence is told"
    );
    assert_eq!(lab.client.snapshot().state, State::Active);

    let mut lab = Lab::new(desired(&[("A", &[1, 2])]));
    lab.settle();
    assert!(!lab.weights("A").converging);
}

#[test]
fn groups_that_the_gwm_has_kept_converge_too_when_it_is_back_without_having_looked() {
    let mut lab = Lab::new(desired(&[("A", &[1, 2]), ("B", &[3])]));
    lab.settle();
    for octet in [1, 2] {
        lab.gwm.member("A", octet).flags = weight_flags::CONFIDENT;
    }
    lab.close();
    lab.reconnect();
    assert!(lab.weights("A").converging);
    assert!(!lab.weights("B").converging, "it is sure of that one");
    assert_eq!(lab.client.snapshot().state, State::Converging);
    lab.run(seconds(121));
    assert!(!lab.weights("A").converging);
    assert_eq!(lab.client.snapshot().state, State::Active);
}

#[test]
fn the_longest_interval_does_not_make_groups_converge_for_days() {
    let mut lab = Lab::new(desired(&[("A", &[1])]));
    lab.gwm.interval = u16::MAX;
    lab.gwm.newborn.flags = 0;
    lab.settle();
    lab.run(seconds(1199));
    assert!(lab.weights("A").converging);
    lab.run(seconds(2));
    assert!(!lab.weights("A").converging);
}

#[test]
fn a_gwm_that_refuses_three_polls_and_sends_nothing_is_as_good_as_lost() {
    for code in [
        Code::NOT_UNDERSTOOD,
        Code::NOT_ACCEPTED,
        Code::UNKNOWN_LB,
        Code::UNKNOWN_GROUP,
    ] {
        let mut lab = Lab::new(desired(&[("A", &[1])]));
        lab.settle();
        lab.gwm.refuse.extend([(WEIGHTS, code); 2]);
        lab.run(seconds(300));
        assert_eq!(lab.client.snapshot().counters.losses, 0, "{code}: two");
        lab.gwm.refuse.extend([(WEIGHTS, code); 3]);
        lab.run(seconds(180));
        assert_eq!(lab.client.snapshot().counters.losses, 1, "{code}: three");
        lab.run(seconds(60));
        assert_eq!(lab.client.snapshot().state, State::Active, "{code}: again");
    }
}

#[test]
fn refused_polls_are_borne_while_the_gwm_sends_weights_or_has_nothing_of_ours() {
    let mut lab = Lab::new(desired(&[("A", &[1])]));
    lab.settle();
    for _ in 0..9 {
        lab.gwm.refuse.push_back((WEIGHTS, Code::NOT_ACCEPTED));
        lab.run(seconds(60));
        lab.push(None);
    }
    assert_eq!(lab.client.snapshot().counters.losses, 0);

    let mut lab = Lab::new(desired(&[("A", &[])]));
    lab.gwm.refuse.extend([(WEIGHTS, Code::UNKNOWN_GROUP); 9]);
    lab.run(seconds(600));
    assert_eq!(lab.client.snapshot().counters.losses, 0);
}

#[test]
fn a_farewell_does_not_wait_for_the_reply_to_another_request() {
    let mut lab = Lab::new(desired(&[("A", &[1])]));
    lab.settle();
    lab.gwm.mute.insert(WEIGHTS);
    lab.run(seconds(61));
    assert_eq!(lab.gwm.take_heard().last(), Some(&WEIGHTS));
    lab.take_events();
    lab.client.deregister_all(lab.now);
    assert_eq!(lab.take_events(), [Event::DeregisteredAll(Ok(()))]);
    assert_eq!(lab.gwm.registered(), []);
}
