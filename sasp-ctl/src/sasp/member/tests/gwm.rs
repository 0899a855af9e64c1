//! The member's machine and the GWM's in one world: do they understand each other?

use proptest::prelude::*;

use super::world::{BALANCER, World, group, member};
use super::*;
use crate::sasp::{
    code::{Code, FLAG_LB, member_flags, weight_flags},
    gwm::{Gwm, Policy},
    msg::{Body, GroupOf, MemberState, RegistrationRequest, SetMemberStateRequest},
};

#[test]
fn a_member_of_a_trusting_balancer_registers_quiesces_resumes_and_goes() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.balancer_comes(true);
    world.run(seconds(1));
    assert_eq!(world.member_is(), Some((false, 0)));
    let flags = world.weights()[0].flags;
    assert_eq!(flags & weight_flags::REGISTERED_BY_LB, 0, "by itself");
    world.want(Wanted::serving(Condition {
        quiesced: true,
        state: 0x0a,
    }));
    assert_eq!(world.member_is(), Some((true, 0x0a)));
    world.want(Wanted::serving(Condition {
        quiesced: false,
        state: 0x0a,
    }));
    assert_eq!(world.member_is(), Some((false, 0x0a)));
    world.want(Wanted::GONE);
    assert_eq!(world.member_is(), None);
    assert!(world.agent.is_done());
}

#[test]
fn a_member_of_a_balancer_without_trust_stops_and_says_why() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.balancer_comes(false);
    world.run(seconds(1000));
    let refused = Event::Refused {
        pair: pair("A", "G"),
        request: crate::sasp::code::Type::REGISTRATION_REQUEST,
        code: Code::NOT_ACCEPTED,
    };
    assert_eq!(world.events, [Event::Connected, refused]);
    assert_eq!(world.agent.refused(), 1);
    assert_eq!(world.agent.poll_timeout(), None);
}

#[test]
fn a_balancer_that_comes_late_is_waited_for() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.run(seconds(40));
    assert!((1..=2).contains(&world.waits()));
    assert_eq!(world.agent.registered(), 0);
    world.balancer_comes(true);
    world.run(seconds(60));
    assert_eq!(world.agent.registered(), 1);
    assert_eq!(world.member_is(), Some((false, 0)));
}

#[test]
fn what_a_gwm_forgets_with_its_balancer_is_registered_again_with_its_condition() {
    let mut world = World::new(Wanted::serving(QUIESCED));
    world.balancer_comes(true);
    world.run(seconds(1));
    world.gwm.handle_disconnect(BALANCER, world.now);
    world.run(seconds(200));
    assert!(world.waits() > 0, "the grace time is over");
    world.balancer_comes(true);
    world.run(seconds(120));
    assert_eq!(world.member_is(), Some((true, 0)));
}

#[test]
fn a_gwm_that_restarts_gets_everything_again() {
    let mut world = World::new(Wanted::serving(QUIESCED));
    world.balancer_comes(true);
    world.run(seconds(1));
    world.gwm = Gwm::new(Policy::default());
    world.balancer_comes(true);
    world.cut();
    world.run(seconds(30));
    assert_eq!(world.member_is(), Some((true, 0)));
}

#[test]
fn a_condition_of_ours_does_not_undo_that_the_balancer_quiesced_the_member() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.balancer_comes(true);
    world.run(seconds(1));
    let state = MemberState {
        member: member(),
        state: 0,
        flags: member_flags::QUIESCE,
    };
    let quiesce = SetMemberStateRequest {
        flags: FLAG_LB,
        groups: vec![GroupOf {
            group: group(),
            items: vec![state],
        }],
    };
    let reply = world.ask(Body::SetMemberStateRequest(quiesce));
    assert_eq!(reply, Body::SetMemberStateReply(Code::SUCCESS));
    world.want(Wanted::serving(Condition {
        quiesced: false,
        state: 0x32,
    }));
    assert_eq!(
        world.member_is(),
        Some((true, 0x32)),
        "the byte is ours, the flag is not"
    );
}

#[test]
fn a_member_that_the_balancer_has_registered_is_there_already() {
    let mut world = World::new(Wanted::serving(QUIESCED));
    world.balancer_comes(true);
    let registration = RegistrationRequest {
        flags: FLAG_LB,
        groups: vec![GroupOf {
            group: group(),
            items: vec![member()],
        }],
    };
    let reply = world.ask(Body::RegistrationRequest(registration));
    assert_eq!(reply, Body::RegistrationReply(Code::SUCCESS));
    world.run(seconds(1));
    let registered = Event::Registered {
        pair: pair("A", "G"),
        how: Registration::Already,
    };
    assert!(world.events.contains(&registered));
    assert_eq!(world.member_is(), Some((true, 0)));
}

#[test]
fn a_day_with_a_healthy_gwm_is_quiet_on_one_connection() {
    let mut world = World::new(Wanted::serving(SERVING));
    world.balancer_comes(true);
    world.run(seconds(24 * 3600));
    assert_eq!(world.connections, 1);
    assert_eq!(
        world.events.len(),
        2,
        "connected and registered: {:?}",
        world.events
    );
}

#[derive(Clone, Copy, Debug)]
enum Step {
    BalancerComes,
    BalancerGoes,
    GwmRestarts,
    Cut,
    Run(u16),
    Want(bool, u8),
    WantNothing,
    WantGone,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::BalancerComes),
        1 => Just(Step::BalancerGoes),
        1 => Just(Step::GwmRestarts),
        1 => Just(Step::Cut),
        4 => (0..400_u16).prop_map(Step::Run),
        3 => (any::<bool>(), any::<u8>()).prop_map(|(quiesced, state)| Step::Want(quiesced, state)),
        1 => Just(Step::WantNothing),
        1 => Just(Step::WantGone),
    ]
}

fn play(world: &mut World, step: Step) {
    match step {
        Step::BalancerComes => world.balancer_comes(true),
        Step::BalancerGoes => world.gwm.handle_disconnect(BALANCER, world.now),
        Step::GwmRestarts => {
            world.gwm = Gwm::new(Policy::default());
            world.cut();
        }
        Step::Cut => world.cut(),
        Step::Run(span) => world.run(seconds(span.into())),
        Step::Want(quiesced, state) => world.want(Wanted::serving(Condition { quiesced, state })),
        Step::WantNothing => world.want(Wanted::NOTHING),
        Step::WantGone => world.want(Wanted::GONE),
    }
    world.settle();
}

proptest! {
    #[test]
    fn whatever_happened_a_trusting_balancer_sees_in_the_end_what_the_member_wants(
        steps in prop::collection::vec(step(), 0..40),
        quiesced in any::<bool>(),
        state in any::<u8>(),
    ) {
        let mut world = World::new(Wanted::serving(SERVING));
        for step in steps {
            play(&mut world, step);
        }
        world.balancer_comes(true);
        world.want(Wanted::serving(Condition { quiesced, state }));
        world.run(seconds(700));
        prop_assert_eq!(world.member_is(), Some((quiesced, state)));
        world.want(Wanted::GONE);
        prop_assert_eq!(world.member_is(), None);
        prop_assert_eq!(world.agent.refused(), 0);
    }
}
