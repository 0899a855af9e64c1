//! Members that have registered themselves where a VIP is, or whose replies a member of the config needs.

use sasp_xdp_common::parse::TCP;

use super::world::{World, key, own_word, service};
use crate::balance::spec::{Forward, ServiceSpec};
use crate::sasp::msg::MemberKey;

fn open(vip: &str, forward: Forward) -> ServiceSpec {
    ServiceSpec {
        self_registered: vec!["10.0.0.0/25".parse().unwrap()],
        forward,
        ..service("farm", vip, TCP, &[])
    }
}

/// Another service, whose member is reached by `nat`.
fn translated(vip: &str, member: u8) -> ServiceSpec {
    let mut spec = service("shop", vip, TCP, &[member]);
    spec.members[0].forward = Forward::Nat;
    spec
}

fn say(world: &mut World, keys: &[MemberKey]) {
    let words: Vec<_> = keys.iter().map(|key| (*key, own_word(10))).collect();
    world.say("farm", &words);
}

/// The members of the first service, and who was turned away.
fn told(world: &World) -> (Vec<String>, Vec<(String, &'static str)>) {
    let report = world.service_report();
    let members = report.members.into_iter().map(|member| member.address);
    let turned_away = report.turned_away.into_iter();
    let turned_away = turned_away.map(|member| (member.address, member.why));
    (members.collect(), turned_away.collect())
}

#[test]
fn one_at_the_address_of_a_vip_is_turned_away_and_leaves_when_a_vip_comes_there() {
    let other = service("shop", "10.0.0.5:443", TCP, &[1]);
    let mut world = World::new(vec![open("192.0.2.1:80", Forward::Dsr), other]);
    say(&mut world, &[key(TCP, 5), key(TCP, 6)]);
    let five = vec![("10.0.0.5:80".to_owned(), "own_vip")];
    assert_eq!(told(&world), (vec!["10.0.0.6:80".to_owned()], five));

    world.specs[1].vip = "10.0.0.6:443".parse().unwrap();
    world.configure();
    world.update();
    let six = vec![("10.0.0.6:80".to_owned(), "own_vip")];
    assert_eq!(told(&world), (vec!["10.0.0.5:80".to_owned()], six));
}

#[test]
fn one_whose_replies_a_new_member_of_the_config_needs_leaves() {
    let mut world = World::new(vec![open("192.0.2.1:80", Forward::Nat)]);
    say(&mut world, &[key(TCP, 5), key(TCP, 6)]);
    assert_eq!(told(&world).0, ["10.0.0.5:80", "10.0.0.6:80"]);

    world.specs.push(translated("192.0.2.9:80", 5));
    world.configure();
    let five = vec![("10.0.0.5:80".to_owned(), "translated")];
    assert_eq!(told(&world), (vec!["10.0.0.6:80".to_owned()], five));
}

#[test]
fn one_for_every_port_does_not_go_with_anothers_exact_port() {
    let whole = |number| MemberKey {
        protocol: 0,
        port: 0,
        ..key(TCP, number)
    };
    let every = open("192.0.2.1:0", Forward::Nat);
    let mut world = World::new(vec![every, translated("192.0.2.9:80", 5)]);
    say(&mut world, &[whole(5), whole(6)]);
    let (members, turned_away) = told(&world);
    assert_eq!((members.len(), turned_away.len()), (1, 1));
    assert_eq!(turned_away[0].1, "translated");

    world.specs.push(translated("192.0.2.8:80", 6));
    world.configure();
    assert_eq!(told(&world).0.len(), 0);
}
