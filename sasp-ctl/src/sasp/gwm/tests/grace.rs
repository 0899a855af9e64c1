//! Connections that end, come back, or are taken over.

use super::*;

#[test]
fn groups_and_flags_survive_a_lost_connection_for_the_grace_time_and_no_longer() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", TRUST);
    assert_eq!(
        bed.code(a, register(LB, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
    bed.gwm.handle_disconnect(a, bed.now);

    bed.pass(Duration::from_secs(119));
    let member = bed.connect();
    assert_eq!(
        bed.code(member, register(MEMBER, &[("A", "G", &[2])])),
        Code::SUCCESS
    );
    let back = bed.connect();
    assert_eq!(
        bed.weights(back, "A", "G").len(),
        2,
        "both members are there"
    );
    bed.gwm.handle_disconnect(back, bed.now);

    bed.events();
    bed.pass(Duration::from_secs(120));
    let expired = Event::GraceExpired {
        uid: name("A"),
        peer: "192.0.2.1:1024".parse().unwrap(),
        members: 2,
    };
    assert_eq!(bed.events(), [expired]);
    let late = bed.connect();
    assert_eq!(bed.code(late, get_weights(&[("A", "")])), Code::UNKNOWN_LB);
    assert_eq!(
        bed.code(late, register(MEMBER, &[("A", "G", &[3])])),
        Code::LB_NOT_CONTACTED
    );
}

#[test]
fn a_balancer_that_came_back_is_not_forgotten() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", 0);
    bed.gwm.handle_disconnect(a, bed.now);
    bed.pass(SECOND);
    bed.balancer("A", 0);
    bed.pass(Duration::from_secs(3600));
    assert!(bed.gwm.balancers.contains_key(&name("A")));
}

#[test]
fn a_second_connection_with_the_same_uid_replaces_the_first_and_keeps_the_state() {
    let mut bed = Bed::new();
    let first = bed.balancer("A", PUSH);
    assert_eq!(
        bed.code(first, register(LB, &[("A", "G", &[1])])),
        Code::SUCCESS
    );
    bed.events();
    let second = bed.connect_from("192.0.2.2:1024");
    assert_eq!(bed.weights(second, "A", "G").len(), 1);
    assert_eq!(bed.closed(), [(first, CloseReason::Replaced)]);
    assert!(matches!(bed.events()[0], Event::BalancerReplaced { .. }));
    assert!(
        bed.gwm.poll_transmit(first, bed.now).is_none(),
        "the first gets nothing more"
    );

    bed.gwm.handle_disconnect(first, bed.now);
    bed.pass(Duration::from_secs(3600));
    assert_eq!(
        bed.weights(second, "A", "G").len(),
        1,
        "the end of the first starts no grace time"
    );
}

#[test]
fn a_refused_message_of_a_second_connection_replaces_nobody() {
    let mut bed = Bed::new();
    bed.balancer("A", 0);
    let second = bed.connect();
    assert_eq!(
        bed.code(second, get_weights(&[("A", "N")])),
        Code::UNKNOWN_GROUP
    );
    assert_eq!(bed.closed(), []);
}

#[test]
fn a_member_connection_serves_several_balancers_and_its_end_changes_nothing() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", TRUST);
    bed.balancer("B", TRUST);
    let member = bed.connect();
    let both = register(MEMBER, &[("A", "G", &[1]), ("B", "G", &[1])]);
    assert_eq!(bed.code(member, both), Code::SUCCESS);
    bed.gwm.handle_disconnect(member, bed.now);
    bed.pass(Duration::from_secs(600));
    assert_eq!(
        bed.weights(a, "A", ""),
        [row("G", 1, CONTACT | CONFIDENT, 10)]
    );
}

#[test]
fn a_changed_grace_time_holds_for_balancers_that_are_gone_already() {
    let mut bed = Bed::new();
    let a = bed.balancer("A", 0);
    bed.gwm.handle_disconnect(a, bed.now);
    let grace = Duration::from_secs(5);
    bed.gwm.set_policy(Policy { grace, ..policy() }, bed.now);
    bed.pass(grace);
    assert!(bed.gwm.balancers.is_empty());
}
