//! Whatever happens in whatever order: what a member may not say is never said, and nothing is said too soon.

use std::{collections::BTreeMap, time::Instant};

use proptest::prelude::*;

use super::lab::{Lab, reply};
use super::*;
use crate::sasp::{
    code::Code,
    codec::encode,
    msg::{Body, Group, Message},
};

#[derive(Clone, Debug)]
enum Step {
    Run(u16),
    Answer(u8, u8),
    AnswerAll(u8),
    Close,
    Down,
    Up,
    Garbage(Vec<u8>),
    WrongVersion,
    Want(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let code = || {
        let rare = prop::sample::select(vec![0x10, 0x11, 0x44, 0x46, 0x50, 0x51]);
        let usual = prop::sample::select(vec![0x00, 0x40, 0x41, 0x42, 0x43, 0x45, 0x61, 0x99]);
        prop_oneof![1 => rare, 12 => usual]
    };
    prop_oneof![
        4 => (0..400_u16).prop_map(Step::Run),
        6 => (any::<u8>(), code()).prop_map(|(which, code)| Step::Answer(which, code)),
        2 => code().prop_map(Step::AnswerAll),
        1 => Just(Step::Close),
        1 => Just(Step::Down),
        1 => Just(Step::Up),
        1 => prop::collection::vec(any::<u8>(), 0..30).prop_map(Step::Garbage),
        1 => Just(Step::WrongVersion),
        3 => (0..5_u8, any::<u8>()).prop_map(|(what, state)| Step::Want(what, state)),
    ]
}

/// What is watched over a whole life.
#[derive(Default)]
struct Watch {
    last_id: Option<u32>,
    /// When each pair got code 0x61 or 0x45, or was refused for good.
    refused: BTreeMap<Group, (u8, Instant)>,
    /// The agent waits for the rest of garbage: it does not understand what comes next on this connection.
    is_garbled: bool,
}

fn group_of(message: &Message) -> Group {
    match &message.body {
        Body::RegistrationRequest(request) => request.groups[0].group.clone(),
        Body::DeregistrationRequest(request) => request.groups[0].group.clone(),
        Body::SetMemberStateRequest(request) => request.groups[0].group.clone(),
        other => panic!("no member sends {other:?}"),
    }
}

/// The LB flag is never set, exactly one member of one group with a name is meant.
fn is_allowed(message: &Message) -> bool {
    let named = |group: &Group| !group.name.is_empty() && !group.lb_uid.is_empty();
    match &message.body {
        Body::RegistrationRequest(request) => {
            let [group] = &request.groups[..] else {
                return false;
            };
            request.flags == 0 && named(&group.group) && group.items.len() == 1
        }
        Body::DeregistrationRequest(request) => {
            let [group] = &request.groups[..] else {
                return false;
            };
            request.flags == 0
                && request.reason.0 == 1
                && named(&group.group)
                && group.items.len() == 1
        }
        Body::SetMemberStateRequest(request) => {
            let [group] = &request.groups[..] else {
                return false;
            };
            let flags = group.items.iter().all(|item| item.flags & !1 == 0);
            request.flags == 0 && flags && named(&group.group) && group.items.len() == 1
        }
        _ => false,
    }
}

impl Watch {
    fn look(&mut self, lab: &Lab, known: usize) {
        for message in lab.requests.iter().skip(known) {
            assert!(is_allowed(message), "{message:?}");
            assert!(
                self.last_id.is_none_or(|last| message.id > last),
                "ids are unique"
            );
            self.last_id = Some(message.id);
            let group = group_of(message);
            match self.refused.remove(&group) {
                Some((0x61, since)) => assert!(lab.now - since >= seconds(20)),
                Some((code, _)) => panic!("asked after {code:#04x}"),
                None => {}
            }
        }
    }

    fn answered(&mut self, group: Group, code: u8, now: Instant) {
        match code {
            _ if self.is_garbled => {}
            0x61 | 0x43 => drop(self.refused.insert(group, (0x61, now))),
            0x10 | 0x11 | 0x44 | 0x46 | 0x50 | 0x51 => {
                self.refused.insert(group, (code, now));
            }
            _ => {}
        }
    }
}

fn play(lab: &mut Lab, watch: &mut Watch, step: Step) {
    match step {
        Step::Run(span) => lab.run(seconds(span.into())),
        Step::Answer(which, code) if !lab.requests.is_empty() => {
            let which = usize::from(which) % lab.requests.len();
            let request = lab.requests.remove(which).unwrap();
            watch.answered(group_of(&request), code, lab.now);
            lab.deliver(&reply(&request, Code(code)));
        }
        Step::AnswerAll(code) => {
            for request in std::mem::take(&mut lab.requests) {
                watch.answered(group_of(&request), code, lab.now);
                lab.deliver(&reply(&request, Code(code)));
            }
        }
        Step::Answer(..) => {}
        Step::Close => lab.close(),
        Step::Down => {
            lab.up = false;
            lab.close();
        }
        Step::Up => lab.up = true,
        Step::Garbage(bytes) => {
            watch.is_garbled |= !bytes.is_empty();
            lab.agent.handle_bytes(&bytes, lab.now);
        }
        Step::WrongVersion => {
            let mut bytes = encode(&reply(
                &Message {
                    version: 1,
                    id: 0,
                    body: Body::RegistrationRequest(crate::sasp::msg::RegistrationRequest {
                        flags: 0,
                        groups: Vec::new(),
                    }),
                },
                Code(0x10),
            ))
            .unwrap();
            bytes[4] = 0;
            lab.agent.handle_bytes(&bytes, lab.now);
        }
        Step::Want(what, state) => {
            let condition = Condition {
                quiesced: what == 1,
                state,
            };
            lab.want(match what {
                0 | 1 => Wanted::serving(condition),
                2 => Wanted::where_registered(condition),
                3 => Wanted::GONE,
                _ => Wanted::NOTHING,
            });
        }
    }
}

proptest! {
    #[test]
    fn members_keep_to_what_members_may_say_and_wait_as_they_must(
        steps in prop::collection::vec(step(), 0..60),
        by_others in any::<bool>(),
    ) {
        let mut config = config(&["A", "B"], &["G", "H"]);
        config.registered_by_others = by_others;
        let mut lab = Lab::with(config, Wanted::serving(SERVING));
        let mut watch = Watch::default();
        watch.look(&lab, 0);
        for step in steps {
            let before: Vec<_> = lab.requests.iter().map(|message| message.id).collect();
            play(&mut lab, &mut watch, step);
            let is_lost = |event: &Event| matches!(event, Event::Lost { .. });
            watch.is_garbled &= !lab.take_events().iter().any(is_lost);
            let known = lab.requests.iter().take_while(|m| before.contains(&m.id)).count();
            watch.look(&lab, known);
        }
        // In the end: a GWM that takes everything has nothing of what shall be gone, and is not asked for ever.
        lab.up = true;
        lab.want(Wanted::GONE);
        for _ in 0..10_000 {
            if lab.agent.is_done() {
                break;
            }
            if lab.requests.is_empty() {
                lab.until_asked();
            }
            let request = lab.requests[0].body.kind();
            lab.answer(request, Code::SUCCESS);
        }
        prop_assert!(lab.agent.is_done());
        let still = lab.agent.perhaps_registered();
        prop_assert!(still <= lab.agent.refused(), "{still} are still registered");
    }
}
