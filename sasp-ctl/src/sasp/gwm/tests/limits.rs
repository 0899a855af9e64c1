//! Everything has a limit.

use super::*;
use crate::sasp::codec;

fn limited(edit: impl FnOnce(&mut Limits)) -> Bed {
    let mut policy = policy();
    edit(&mut policy.limits);
    Bed::with_policy(policy)
}

#[test]
fn groups_and_members_beyond_the_limits_are_refused_with_0x45() {
    type Row<'a> = (fn(&mut Limits), &'a [requests::Block<'a>]);
    let rows: [Row<'_>; 3] = [
        (
            |limits| limits.groups = 2,
            &[("A", "M", &[1]), ("A", "N", &[1])],
        ),
        (|limits| limits.members = 3, &[("A", "G", &[3, 4])]),
        (|limits| limits.members_total = 3, &[("A", "N", &[3, 4])]),
    ];
    for (limit, groups) in rows {
        let mut bed = limited(limit);
        let a = bed.connect();
        assert_eq!(
            bed.code(a, register(LB, &[("A", "G", &[1, 2])])),
            Code::SUCCESS
        );
        let before = bed.gwm.balancers.clone();
        assert_eq!(
            bed.code(a, register(LB, groups)),
            Code::INVALID_GROUP,
            "{groups:?}"
        );
        assert_eq!(bed.gwm.balancers, before);
    }
}

#[test]
fn what_fits_the_limits_exactly_is_taken() {
    let mut bed = limited(|limits| {
        (
            limits.groups,
            limits.members,
            limits.members_total,
            limits.balancers,
        ) = (2, 3, 3, 1);
    });
    let a = bed.balancer("A", 0);
    let groups: &[(&str, &str, &[u8])] = &[("A", "G", &[1, 2]), ("A", "H", &[1])];
    assert_eq!(bed.code(a, register(LB, groups)), Code::SUCCESS);
    let b = bed.connect();
    assert_eq!(bed.code(b, set_lb_state("B", 0)), Code::NOT_ACCEPTED);
    assert_eq!(
        bed.code(b, register(LB, &[("B", "G", &[1])])),
        Code::INVALID_GROUP
    );
}

#[test]
fn a_registration_that_would_make_the_reply_too_long_is_refused_to_the_byte() {
    let request = register(LB, &[("A", "G", &[1, 2]), ("A", "H", &[1])]);
    let mut bed = Bed::new();
    let a = bed.connect();
    assert_eq!(bed.code(a, request.clone()), Code::SUCCESS);
    let body = bed.ask(a, get_weights(&[("A", "")]));
    let length = codec::encode(&Message {
        version: VERSION,
        id: 1,
        body,
    })
    .unwrap()
    .len();
    for (reply_bytes, expected) in [(length, Code::SUCCESS), (length - 1, Code::INVALID_GROUP)] {
        let mut bed = limited(|limits| limits.reply_bytes = reply_bytes);
        let a = bed.connect();
        assert_eq!(
            bed.code(a, request.clone()),
            expected,
            "limit {reply_bytes}"
        );
    }
}

#[test]
fn a_group_never_has_more_members_than_a_count_can_announce() {
    let mut bed = limited(|limits| limits.members = 1_000_000);
    let a = bed.connect();
    let address = |n: u32| [10, (n >> 16) as u8, (n >> 8) as u8, n as u8];
    let items = |range: std::ops::Range<u32>| {
        let key = |n| MemberKey {
            protocol: 6,
            port: 80,
            address: address(n).into(),
        };
        range
            .map(|n| Member {
                key: key(n),
                label: Name::default(),
            })
            .collect()
    };
    let mut request = |range| {
        let group = Group {
            lb_uid: name("A"),
            name: name("G"),
        };
        let groups = vec![GroupOf {
            group,
            items: items(range),
        }];
        let request = crate::sasp::msg::RegistrationRequest { flags: LB, groups };
        bed.code(a, Body::RegistrationRequest(request))
    };
    assert_eq!(request(0..65_535), Code::SUCCESS);
    assert_eq!(request(65_535..65_536), Code::INVALID_GROUP);
}

#[test]
fn at_the_limit_of_connections_the_idlest_that_speaks_for_nobody_gives_way() {
    let mut bed = limited(|limits| limits.connections = 3);
    let a = bed.balancer("A", 0);
    bed.pass(SECOND);
    let idle = bed.connect();
    bed.pass(SECOND);
    let fresh = bed.connect();
    let newest = bed.connect();
    assert_eq!(bed.closed(), [(idle, CloseReason::TooManyConnections)]);
    for (id, uid) in [(fresh, "B"), (newest, "C")] {
        assert_eq!(bed.code(id, set_lb_state(uid, 0)), Code::SUCCESS);
    }
    let refused = bed.connect();
    assert_eq!(bed.closed(), [(refused, CloseReason::TooManyConnections)]);
    assert_eq!(bed.code(a, set_lb_state("A", 0)), Code::SUCCESS);
}

#[test]
fn silent_connections_are_closed_unless_they_speak_for_a_balancer() {
    let mut bed = Bed::new();
    let balancer = bed.balancer("A", 0);
    let mute = bed.connect();
    let member = bed.connect();
    assert_eq!(bed.code(member, register(MEMBER, &[])), Code::SUCCESS);
    bed.pass(Duration::from_secs(30));
    assert_eq!(bed.closed(), [(mute, CloseReason::Silent)]);
    bed.pass(Duration::from_secs(269));
    assert_eq!(bed.closed(), []);
    bed.pass(SECOND);
    assert_eq!(bed.closed(), [(member, CloseReason::Silent)]);
    bed.pass(Duration::from_secs(100_000));
    assert_eq!(bed.code(balancer, set_lb_state("A", 0)), Code::SUCCESS);
}

#[test]
fn a_peer_whose_replies_are_never_taken_is_disconnected() {
    let mut bed = Bed::new();
    let id = bed.connect();
    for message_id in 0..100 {
        let message = Message {
            version: VERSION,
            id: message_id,
            body: register(LB, &[]),
        };
        bed.gwm.handle_message(id, message, bed.now);
    }
    assert_eq!(bed.closed(), [(id, CloseReason::RepliesNotTaken)]);
}

#[test]
fn by_default_one_balancer_may_have_as_many_members_as_its_reply_can_list() {
    let limits = Limits::default();
    let shortest = balancer::Balancer::member_bytes(&Name::default());
    assert!(limits.members >= limits.reply_bytes / shortest);
    assert!(limits.members_total >= limits.members);
}

/// The LB UIDs that were forgotten to make room.
fn discarded(bed: &mut Bed) -> Vec<String> {
    let events = bed.events().into_iter();
    events
        .filter_map(|event| match event {
            Event::BalancerDiscarded { uid, .. } => Some(uid.to_string()),
            _ => None,
        })
        .collect()
}

/// Balancers that have come and gone, a second after each other. Those in lower case have no members.
fn gone(bed: &mut Bed, uids: &[&str]) {
    for uid in uids {
        let id = bed.balancer(uid, 0);
        if uid.chars().all(char::is_uppercase) {
            let request = register(LB, &[(uid, "G", &[1])]);
            assert_eq!(bed.code(id, request), Code::SUCCESS);
        }
        bed.gwm.handle_disconnect(id, bed.now);
        bed.pass(SECOND);
    }
}

#[test]
fn at_the_limit_of_balancers_the_longest_gone_gives_way_and_those_with_members_last() {
    let mut bed = limited(|limits| limits.balancers = 4);
    let up = bed.balancer("UP", 0);
    gone(&mut bed, &["A", "b", "c"]);
    assert_eq!(discarded(&mut bed), [""; 0]);
    for (uid, expected) in [("D", "b"), ("E", "c"), ("F", "A")] {
        let id = bed.connect();
        let request = register(LB, &[(uid, "G", &[1])]);
        assert_eq!(bed.code(id, request), Code::SUCCESS, "{uid}");
        assert_eq!(discarded(&mut bed), [expected], "for {uid}");
    }
    let late = bed.connect();
    assert_eq!(bed.code(late, set_lb_state("H", 0)), Code::NOT_ACCEPTED);
    assert_eq!(
        bed.code(late, register(LB, &[("H", "G", &[1])])),
        Code::INVALID_GROUP
    );
    assert_eq!(bed.code(up, set_lb_state("UP", 0)), Code::SUCCESS);
}

#[test]
fn one_that_comes_back_at_the_limit_of_balancers_takes_nobodys_place() {
    let mut bed = limited(|limits| limits.balancers = 2);
    gone(&mut bed, &["A", "B"]);
    bed.balancer("B", 0);
    assert_eq!(discarded(&mut bed), [""; 0]);
    let a = bed.connect();
    assert_eq!(bed.weights(a, "A", "G").len(), 1, "A is still there");
}

#[test]
fn a_refused_request_takes_nobodys_place() {
    let mut bed = limited(|limits| (limits.balancers, limits.members) = (1, 1));
    gone(&mut bed, &["A"]);
    let b = bed.connect();
    let request = register(LB, &[("B", "G", &[1, 2])]);
    assert_eq!(bed.code(b, request), Code::INVALID_GROUP);
    assert_eq!(discarded(&mut bed), [""; 0]);
}

#[test]
fn after_a_reload_with_a_lower_limit_as_many_give_way_as_it_takes() {
    let mut bed = limited(|limits| limits.balancers = 4);
    gone(&mut bed, &["A", "B", "C", "D"]);
    let mut lower = policy();
    lower.limits.balancers = 2;
    bed.gwm.set_policy(lower, bed.now);
    bed.balancer("E", 0);
    assert_eq!(discarded(&mut bed), ["A", "B", "C"]);
}
