//! Random histories: whatever peers send, the GWM keeps its promises.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::sasp::code::Type;
use crate::sasp::codec;
use crate::sasp::codec::{Cause, DecodeError};

/// One thing that happens to the GWM. Connections are chosen by index among those that were opened.
#[derive(Clone, Debug)]
enum Step {
    Connect,
    Disconnect(usize),
    Ask(usize, Body),
    Garbage(usize, u16),
    Pass(u64),
    Reweigh(u16),
    Transmit(usize),
}

fn uid() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just("A"), 4 => Just("B"), 1 => Just(""), 1 => Just("\u{7}")]
}

fn group() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just("G"), 4 => Just("H"), 2 => Just(""), 1 => Just("N")]
}

type OwnedBlock = (&'static str, &'static str, Vec<u8>);

fn blocks() -> impl Strategy<Value = Vec<OwnedBlock>> {
    let members = prop::collection::vec(0u8..6, 0..4);
    prop::collection::vec((uid(), group(), members), 0..3)
}

fn borrowed(blocks: &[OwnedBlock]) -> Vec<(&str, &str, &[u8])> {
    blocks
        .iter()
        .map(|(uid, group, members)| (*uid, *group, members.as_slice()))
        .collect()
}

fn request() -> impl Strategy<Value = Body> {
    let by = prop_oneof![3 => Just(LB), 2 => Just(MEMBER)];
    prop_oneof![
        4 => (by.clone(), blocks()).prop_map(|(by, b)| register(by, &borrowed(&b))),
        2 => (by.clone(), blocks()).prop_map(|(by, b)| deregister(by, &borrowed(&b))),
        2 => (by, any::<(u8, u8)>(), blocks())
            .prop_map(|(by, state, b)| set_member_state(by, state, &borrowed(&b))),
        3 => prop::collection::vec((uid(), group()), 0..3).prop_map(|groups| get_weights(&groups)),
        3 => (uid(), 0u8..8).prop_map(|(uid, flags)| set_lb_state(uid, flags)),
        1 => Just(Body::SetLbStateReply(Code::SUCCESS)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Connect),
        1 => (0usize..8).prop_map(Step::Disconnect),
        20 => (0usize..8, request()).prop_map(|(n, body)| Step::Ask(n, body)),
        1 => (0usize..8, any::<u16>()).prop_map(|(n, kind)| Step::Garbage(n, kind)),
        2 => (0u64..200_000).prop_map(Step::Pass),
        2 => (0u16..4).prop_map(Step::Reweigh),
        3 => (0usize..8).prop_map(Step::Transmit),
    ]
}

/// What a refused request must leave alone. Wishes, groups, members, bindings, what was sent last.
fn state(
    gwm: &Gwm,
) -> (
    BTreeMap<Name, Balancer>,
    BTreeMap<ConnectionId, Option<Name>>,
) {
    let bound = gwm
        .connections
        .iter()
        .map(|(id, c)| (*id, c.bound.clone()))
        .collect();
    (gwm.balancers.clone(), bound)
}

/// What holds after every step.
pub(super) fn check_invariants(gwm: &Gwm) {
    for (id, connection) in &gwm.connections {
        assert!(connection.replies.len() <= connection::REPLIES_MAX);
        if let Some(uid) = &connection.bound {
            assert_eq!(gwm.balancers[uid].link, Link::Up(*id), "bound both ways");
        }
    }
    for (uid, balancer) in &gwm.balancers {
        if let Link::Up(id) = balancer.link {
            assert_eq!(gwm.connections[&id].bound.as_ref(), Some(uid));
        }
        let members: usize = balancer.groups().values().map(BTreeMap::len).sum();
        assert_eq!(balancer.members(), members);
        assert!(
            balancer
                .groups()
                .values()
                .all(|members| !members.is_empty())
        );
        let mut copy = balancer.clone();
        let names: Vec<_> = copy.groups().keys().cloned().collect();
        let group = |name: Name| GroupOf {
            items: copy.report(&name, false).unwrap(),
            group: Group {
                lb_uid: uid.clone(),
                name,
            },
        };
        let groups = names.into_iter().map(group).collect();
        let reply = crate::sasp::msg::GetWeightsReply {
            code: Code::SUCCESS,
            interval: 1,
            groups,
        };
        let body = Body::GetWeightsReply(reply);
        let bytes = codec::encode(&Message {
            version: VERSION,
            id: 0,
            body,
        })
        .unwrap();
        assert_eq!(
            balancer.reply_bytes(),
            bytes.len(),
            "the size is kept up to date"
        );
    }
    let ready_exist = gwm.ready.iter().all(|id| gwm.connections.contains_key(id));
    assert!(ready_exist, "a closed connection is not ready");
}

fn ask(bed: &mut Bed, id: ConnectionId, body: Body) {
    let is_request = !matches!(body, Body::SetLbStateReply(_));
    let before = state(&bed.gwm);
    let was_open = bed.gwm.connections.contains_key(&id);
    while bed
        .gwm
        .poll_transmit(id, bed.now)
        .is_some_and(|m| m.id != 0)
    {}
    let before = if was_open { state(&bed.gwm) } else { before };
    let message = Message {
        version: VERSION,
        id: 77,
        body,
    };
    bed.gwm.handle_message(id, message, bed.now);
    let reply = bed
        .gwm
        .connections
        .get(&id)
        .map(|connection| connection.replies.clone());
    match reply {
        None => assert!(
            !was_open || !is_request,
            "a request never closes its own connection"
        ),
        Some(replies) => {
            assert_eq!(replies.len(), 1, "exactly one reply");
            assert_eq!(replies[0].id, 77);
            if code_of(&replies[0].body) != Code::SUCCESS {
                assert_eq!(
                    state(&bed.gwm),
                    before,
                    "a refused request changed something"
                );
            }
        }
    }
}

fn run(steps: Vec<Step>) {
    let mut bed = Bed::with_policy(Policy {
        limits: Limits {
            connections: 6,
            balancers: 3,
            members: 8,
            ..Limits::default()
        },
        ..policy()
    });
    let mut opened = vec![bed.connect()];
    for step in steps {
        let pick = |n: usize| opened[opened.len().saturating_sub(1 + n)];
        match step {
            Step::Connect => opened.push(bed.connect()),
            Step::Disconnect(n) => bed.gwm.handle_disconnect(pick(n), bed.now),
            Step::Ask(n, body) => ask(&mut bed, pick(n), body),
            Step::Garbage(n, kind) => {
                let kind = Some(Type(kind));
                let error = DecodeError {
                    kind,
                    version: 1,
                    id: 5,
                    cause: Cause::Truncated,
                };
                bed.gwm.handle_bad_message(pick(n), &error, bed.now);
            }
            Step::Pass(millis) => bed.pass(Duration::from_millis(millis)),
            Step::Reweigh(weight) => {
                let limits = bed.gwm.policy.limits;
                let mut policy = Policy {
                    limits,
                    ..Policy::default()
                };
                set_weight(&mut policy, "G", 1, weight);
                bed.gwm.set_policy(policy, bed.now);
            }
            Step::Transmit(n) => while bed.gwm.poll_transmit(pick(n), bed.now).is_some() {},
        }
        check_invariants(&bed.gwm);
        bed.closed();
        bed.events();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_history_breaks_a_promise(steps in prop::collection::vec(step(), 1..120)) {
        run(steps);
    }
}
