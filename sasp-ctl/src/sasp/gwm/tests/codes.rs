//! Every (request, condition) and the code that it gets, in the order in which the conditions are looked for.

use super::*;
use crate::sasp::code::member_flags::QUIESCE;
use crate::sasp::msg::{RegistrationRequest, SetLbStateRequest};

const LONG: &str = "65-bytes-65-bytes-65-bytes-65-bytes-65-bytes-65-bytes-65-bytes-65";

/// A GWM that knows balancer A (trusts members, group G with members 1 and 2, group H with member 1) and
/// balancer B (trusts nobody, group G with member 1). The connections are those of A, of B and a fresh one.
fn known_world() -> (Bed, [ConnectionId; 3]) {
    let mut bed = Bed::new();
    let a = bed.balancer("A", TRUST);
    let b = bed.balancer("B", 0);
    let groups_of_a = register(LB, &[("A", "G", &[1, 2]), ("A", "H", &[1])]);
    assert_eq!(bed.code(a, groups_of_a), Code::SUCCESS);
    assert_eq!(
        bed.code(b, register(LB, &[("B", "G", &[1])])),
        Code::SUCCESS
    );
    let fresh = bed.connect();
    (bed, [a, b, fresh])
}

const A: usize = 0;
const B: usize = 1;
const FRESH: usize = 2;

type Case = (&'static str, usize, Body, u8);

/// Runs every case in a world of its own, and checks that refused requests changed nothing.
fn check(cases: Vec<Case>) {
    for (case, sender, request, expected) in cases {
        let (mut bed, connections) = known_world();
        let before = bed.gwm.balancers.clone();
        let bound: Vec<_> = connections
            .map(|id| bed.gwm.connections[&id].bound.clone())
            .into();
        let code = bed.code(connections[sender], request);
        assert_eq!(code, Code(expected), "{case}");
        if code != Code::SUCCESS {
            assert_eq!(
                bed.gwm.balancers, before,
                "{case}: a refused request changed something"
            );
            let now: Vec<_> = connections
                .map(|id| bed.gwm.connections[&id].bound.clone())
                .into();
            assert_eq!(now, bound, "{case}: a refused request bound a connection");
        }
    }
}

#[test]
#[rustfmt::skip] // One case a line.
fn registration_gets_the_code_of_the_first_condition_that_applies() {
    let odd = |protocol, port, address: [u8; 4]| {
        let key = MemberKey { protocol, port, address: address.into() };
        let items = vec![Member { key, label: Name::default() }];
        let group = Group { lb_uid: name("A"), name: name("G") };
        let groups = vec![GroupOf { group, items }];
        Body::RegistrationRequest(RegistrationRequest { flags: LB, groups })
    };
    check(vec![
        ("a new member", A, register(LB, &[("A", "G", &[3])]), 0x00),
        ("a new group", A, register(LB, &[("A", "N", &[1])]), 0x00),
        ("a new balancer", FRESH, register(LB, &[("C", "G", &[1])]), 0x00),
        ("a member by itself", FRESH, register(MEMBER, &[("A", "G", &[3])]), 0x00),
        ("no groups", FRESH, register(LB, &[]), 0x00),
        ("no groups from a member", FRESH, register(MEMBER, &[]), 0x00),
        ("reserved flags are ignored", A, register(0xff, &[("A", "G", &[3])]), 0x00),
        ("the same group twice is merged", A, register(LB, &[("A", "N", &[1]), ("A", "N", &[2])]), 0x00),
        ("a control byte before a long UID", A, register(LB, &[(LONG, "G\n", &[3])]), 0x10),
        ("a UID that is not text", FRESH, register(LB, &[("A\u{7}", "G", &[3])]), 0x10),
        ("an empty UID before an empty name", A, register(LB, &[("", "", &[3])]), 0x51),
        ("a long UID", FRESH, register(LB, &[(LONG, "G", &[3])]), 0x51),
        ("an empty name before another LB", A, register(LB, &[("B", "", &[3])]), 0x50),
        ("another LB", A, register(LB, &[("B", "G", &[3])]), 0x11),
        ("two LBs", FRESH, register(LB, &[("A", "G", &[3]), ("B", "G", &[3])]), 0x11),
        ("a member's words for another LB", A, register(MEMBER, &[("B", "G", &[3])]), 0x11),
        ("an LB that is not there", FRESH, register(MEMBER, &[("C", "G", &[3])]), 0x61),
        ("absent before untrusting", FRESH, register(MEMBER, &[("B", "G", &[3]), ("C", "G", &[3])]), 0x61),
        ("no trust before a duplicate", FRESH, register(MEMBER, &[("B", "G", &[3, 3])]), 0x11),
        ("a member twice before one known", A, register(LB, &[("A", "G", &[1, 1])]), 0x44),
        ("a member twice in two blocks", A, register(LB, &[("A", "N", &[3]), ("A", "N", &[3])]), 0x44),
        ("nobody's address", A, odd(6, 80, [0, 0, 0, 0]), 0x45),
        ("what ::1 becomes", A, odd(6, 80, [0, 0, 0, 1]), 0x45),
        ("a system among applications", A, odd(0, 0, [10, 0, 0, 9]), 0x45),
        ("port 0 of a protocol is no system", A, odd(6, 0, [10, 0, 0, 9]), 0x00),
        ("a known member", A, register(LB, &[("A", "G", &[1])]), 0x40),
        ("a known member among new ones", A, register(LB, &[("A", "N", &[1]), ("A", "G", &[3, 1])]), 0x40),
        ("a known member by itself", FRESH, register(MEMBER, &[("A", "G", &[1])]), 0x40),
    ]);
}

#[test]
#[rustfmt::skip] // One case a line.
fn deregistration_gets_the_code_of_the_first_condition_that_applies() {
    check(vec![
        ("a member", A, deregister(LB, &[("A", "G", &[1])]), 0x00),
        ("a group", A, deregister(LB, &[("A", "G", &[])]), 0x00),
        ("all groups", A, deregister(LB, &[("A", "", &[])]), 0x00),
        ("no groups", FRESH, deregister(LB, &[]), 0x00),
        ("a member by itself", FRESH, deregister(MEMBER, &[("A", "G", &[1])]), 0x00),
        ("a first message may deregister", FRESH, deregister(LB, &[("A", "G", &[1])]), 0x00),
        ("all groups with members", A, deregister(LB, &[("A", "", &[1])]), 0x10),
        ("all groups with members before a long UID", A, deregister(LB, &[(LONG, "", &[1])]), 0x10),
        ("an empty UID", A, deregister(LB, &[("", "G", &[1])]), 0x51),
        ("a long UID", A, deregister(LB, &[(LONG, "G", &[1])]), 0x51),
        ("another LB", A, deregister(LB, &[("B", "G", &[1])]), 0x11),
        ("another LB before an unknown one", A, deregister(LB, &[("C", "G", &[1])]), 0x11),
        ("a whole group by a member", FRESH, deregister(MEMBER, &[("A", "G", &[])]), 0x11),
        ("all groups by a member", FRESH, deregister(MEMBER, &[("A", "", &[])]), 0x11),
        ("an unknown LB", FRESH, deregister(LB, &[("C", "G", &[1])]), 0x43),
        ("names that are not text are only unknown", FRESH, deregister(LB, &[("C\n", "G\n", &[1])]), 0x43),
        ("an LB that is not there", FRESH, deregister(MEMBER, &[("C", "G", &[1])]), 0x61),
        ("no trust before an unknown group", FRESH, deregister(MEMBER, &[("B", "N", &[1])]), 0x11),
        ("the same group twice", A, deregister(LB, &[("A", "G", &[1]), ("A", "G", &[2])]), 0x46),
        ("the same group twice with the same member", A, deregister(LB, &[("A", "G", &[1]), ("A", "G", &[1])]), 0x46),
        ("all groups and another", A, deregister(LB, &[("A", "", &[]), ("A", "N", &[])]), 0x46),
        ("all groups twice", A, deregister(LB, &[("A", "", &[]), ("A", "", &[])]), 0x46),
        ("a member twice before an unknown group", A, deregister(LB, &[("A", "N", &[1, 1])]), 0x44),
        ("an unknown group before an unknown member", A, deregister(LB, &[("A", "G", &[9]), ("A", "N", &[])]), 0x42),
        ("an unknown group as a whole", A, deregister(LB, &[("A", "N", &[])]), 0x42),
        ("an unknown member", A, deregister(LB, &[("A", "G", &[1, 9])]), 0x41),
        ("an unknown member by itself", FRESH, deregister(MEMBER, &[("A", "H", &[2])]), 0x41),
    ]);
}

#[test]
#[rustfmt::skip] // One case a line.
fn get_weights_gets_the_code_of_the_first_condition_that_applies() {
    check(vec![
        ("a group", A, get_weights(&[("A", "G")]), 0x00),
        ("all groups", A, get_weights(&[("A", "")]), 0x00),
        ("no groups", FRESH, get_weights(&[]), 0x00),
        ("a first message may ask", FRESH, get_weights(&[("A", "H"), ("A", "G")]), 0x00),
        ("an empty UID", A, get_weights(&[("", "G")]), 0x51),
        ("a long UID before another LB", A, get_weights(&[("B", "G"), (LONG, "G")]), 0x51),
        ("another LB", A, get_weights(&[("B", "G")]), 0x11),
        ("another LB before an unknown one", A, get_weights(&[("C", "G")]), 0x11),
        ("two LBs", FRESH, get_weights(&[("A", "G"), ("B", "G")]), 0x11),
        ("an unknown LB before the same group twice", FRESH, get_weights(&[("C", "G"), ("C", "G")]), 0x43),
        ("the same group twice before an unknown one", A, get_weights(&[("A", "N"), ("A", "N")]), 0x46),
        ("all groups and another", A, get_weights(&[("A", "G"), ("A", "")]), 0x46),
        ("an unknown group", A, get_weights(&[("A", "G"), ("A", "N")]), 0x42),
        ("a group of another balancer", B, get_weights(&[("B", "H")]), 0x42),
    ]);
}

#[test]
#[rustfmt::skip] // One case a line.
fn set_lb_state_gets_the_code_of_the_first_condition_that_applies() {
    let raw = |uid: &[u8]| {
        Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: Name::new(uid).unwrap(),
            health: 0xff,
            flags: 0,
        })
    };
    check(vec![
        ("its own", A, set_lb_state("A", 0), 0x00),
        ("a new one", FRESH, set_lb_state("C", PUSH | TRUST | NO_CHANGE), 0x00),
        ("reserved flags and health are ignored", FRESH, raw(b"C"), 0x00),
        ("the longest UID", FRESH, set_lb_state(&LONG[1..], 0), 0x00),
        ("bytes that are no UTF-8", FRESH, raw(&[0xff]), 0x10),
        ("a control byte", FRESH, raw(b"A\0"), 0x10),
        ("an empty UID", A, set_lb_state("", 0), 0x51),
        ("a long UID", A, set_lb_state(LONG, 0), 0x51),
        ("another LB", A, set_lb_state("B", 0), 0x11),
    ]);
}

#[test]
#[rustfmt::skip] // One case a line.
fn set_member_state_gets_the_code_of_the_first_condition_that_applies() {
    let set = |flags, groups: &[_]| set_member_state(flags, (7, QUIESCE), groups);
    check(vec![
        ("a member", A, set(LB, &[("A", "G", &[1])]), 0x00),
        ("no members", A, set(LB, &[("A", "G", &[])]), 0x00),
        ("no groups", FRESH, set(LB, &[]), 0x00),
        ("a member by itself", FRESH, set(MEMBER, &[("A", "G", &[1])]), 0x00),
        ("an empty UID before an empty name", A, set(LB, &[("", "", &[1])]), 0x51),
        ("a long UID", A, set(LB, &[(LONG, "G", &[1])]), 0x51),
        ("an empty name before another LB", A, set(LB, &[("B", "", &[1])]), 0x50),
        ("another LB", A, set(LB, &[("B", "G", &[1])]), 0x11),
        ("an unknown LB", FRESH, set(LB, &[("C", "G", &[1])]), 0x43),
        ("an LB that is not there", FRESH, set(MEMBER, &[("C", "G", &[1])]), 0x61),
        ("no trust before an unknown member", FRESH, set(MEMBER, &[("B", "G", &[9])]), 0x11),
        ("the same group twice", A, set(LB, &[("A", "G", &[1]), ("A", "G", &[1])]), 0x46),
        ("a member twice before an unknown group", A, set(LB, &[("A", "N", &[1, 1])]), 0x44),
        ("an unknown group", A, set(LB, &[("A", "N", &[1])]), 0x42),
        ("an unknown group without members", A, set(LB, &[("A", "N", &[])]), 0x42),
        ("an unknown member", A, set(LB, &[("A", "G", &[1, 9])]), 0x41),
    ]);
}
