//! Whatever happens in whatever order: no panic, no tight loop, and in the end the GWM has what we want.

use proptest::prelude::*;

use super::{lab::Lab, *};
use crate::sasp::code::{Code, Type};

#[derive(Clone, Debug)]
enum Step {
    Run(u16),
    Close,
    Break,
    GwmDown,
    GwmUp,
    GwmForgets,
    GwmLoses(u8),
    GwmGains(u8),
    Refuse(Type, Code),
    Push,
    Garbage(Vec<u8>),
    Want(Vec<(u8, Vec<u8>)>, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let kinds = prop::sample::select(vec![
        Type::SET_LB_STATE_REQUEST,
        Type::REGISTRATION_REQUEST,
        Type::DEREGISTRATION_REQUEST,
        Type::GET_WEIGHTS_REQUEST,
        Type::SET_MEMBER_STATE_REQUEST,
    ]);
    let codes = prop::sample::select(vec![0x10, 0x11, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x61]);
    let groups = prop::collection::vec((0..3_u8, prop::collection::vec(0..6_u8, 0..5)), 0..4);
    prop_oneof![
        4 => (0..400_u16).prop_map(Step::Run),
        1 => Just(Step::Close),
        1 => Just(Step::Break),
        1 => Just(Step::GwmDown),
        1 => Just(Step::GwmUp),
        1 => Just(Step::GwmForgets),
        1 => (0..6_u8).prop_map(Step::GwmLoses),
        1 => (0..6_u8).prop_map(Step::GwmGains),
        2 => (kinds, codes).prop_map(|(kind, code)| Step::Refuse(kind, Code(code))),
        2 => Just(Step::Push),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Garbage),
        3 => (groups, any::<u8>()).prop_map(|(groups, flags)| Step::Want(groups, flags)),
    ]
}

fn wanted(groups: &[(u8, Vec<u8>)], flags: u8) -> Desired {
    let mut wanted = Desired::default();
    wanted.lb_state.no_change = flags & 1 != 0;
    wanted.lb_state.trust = flags & 2 != 0;
    for (group, octets) in groups {
        let group = wanted.groups.entry(name(&format!("G{group}"))).or_default();
        for octet in octets {
            group.entry(key(*octet)).or_default().quiesced = flags & (4 << (octet % 4)) != 0;
        }
    }
    wanted
}

fn play(lab: &mut Lab, step: Step) {
    match step {
        Step::Run(span) => lab.run(seconds(span.into())),
        Step::Close => lab.close(),
        Step::Break => {
            lab.client
                .handle_disconnected(LinkDown::Failed("reset".into()), lab.now);
        }
        Step::GwmDown => {
            lab.up = false;
            lab.close();
        }
        Step::GwmUp => lab.up = true,
        Step::GwmForgets => lab.gwm.forget(),
        Step::GwmLoses(octet) => {
            for group in lab.gwm.groups.values_mut() {
                group.remove(&key(octet));
            }
        }
        Step::GwmGains(octet) => {
            lab.gwm.member("G1", octet);
        }
        Step::Refuse(kind, code) => lab.gwm.refuse.push_back((kind, code)),
        Step::Push => lab.push(None),
        Step::Garbage(bytes) => lab.deliver(&bytes),
        Step::Want(groups, flags) => lab.want(wanted(&groups, flags)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    #[test]
    fn in_the_end_the_gwm_has_exactly_what_we_want(
        steps in prop::collection::vec(step(), 0..30), segment in 1_usize..200, chatty: bool
    ) {
        let mut lab = Lab::new(wanted(&[(0, vec![1, 2]), (1, vec![1])], 0));
        (lab.segment, lab.chatty) = (segment, chatty);
        for step in steps {
            play(&mut lab, step);
            for event in lab.take_events() {
                if let Event::Weights { weights, unknown } = event {
                    let wanted = &lab.client.control.desired().groups[&weights.name];
                    prop_assert!(weights.members.keys().all(|key| wanted.contains_key(key)));
                    prop_assert!(!unknown.keys().any(|key| wanted.contains_key(key)));
                }
            }
        }
        // Peace: what was refused is retried after minutes, what was lost is missed at a new connection.
        lab.gwm.refuse.clear();
        lab.up = true;
        lab.run(seconds(1200));
        lab.close();
        lab.run(seconds(3600));
        let state = lab.client.snapshot().state;
        prop_assert!(state >= State::Converging && state != State::Backoff, "{:?}", state);
        let wanted = lab.client.control.desired().clone();
        for (group, members) in &wanted.groups {
            for (key, member) in members {
                let known = lab.gwm.groups.get(group).and_then(|group| group.get(key));
                prop_assert!(known.is_some(), "{} {} is missing", group, key);
                let quiesced = known.is_some_and(|known| known.flags & 2 != 0);
                prop_assert_eq!(quiesced, member.quiesced, "{} {}", group, key);
            }
        }
        for (group, members) in &lab.gwm.groups {
            for key in members.keys() {
                let wanted = wanted.groups.get(group).is_some_and(|w| w.contains_key(key));
                prop_assert!(wanted, "{} {} is too much", group, key);
            }
        }
    }
}
