use super::voice::PATIENCE;
use super::*;
use crate::balance::inputs::Word;
use crate::config::{self, Flags};

const HOLD: Duration = Duration::from_secs(120);
const FAIL_BACK: Duration = Duration::from_secs(300);

/// Words under a clock, of a config with GWMs `a`, `b` … and a service for each group.
struct World {
    words: Words,
    now: Instant,
    start: Instant,
}

fn settings(gwms: &[&str], groups: &[&str], combine: &str) -> Config {
    let gwms = gwms
        .iter()
        .map(|gwm| format!("[[gwm]]\naddress = \"{gwm}\"\n"));
    let services = (1..).zip(groups).map(|(port, group)| {
        format!("[[service]]\ngroup = \"{group}\"\nvip = \"203.0.113.1:{port}/tcp\"\nself_registered = [\"10.1.0.0/16\"]\nmembers = [{{ address = \"10.0.0.1:{port}\" }}]\n")
    });
    let text: String = gwms.chain(services).collect();
    let text = format!("balancer = {{ uid = \"u\", combine = \"{combine}\" }}\n{text}");
    config::from_text(std::path::Path::new("edge.toml"), text, &Flags::default()).unwrap()
}

fn name(text: &str) -> Name {
    Name::new(text.as_bytes().to_vec()).unwrap()
}

fn gwm(text: &str) -> GwmAddress {
    GwmAddress::parse(text).unwrap()
}

fn key(text: &str) -> MemberKey {
    config::member_key::parse(text).unwrap()
}

fn handover(from: &str, to: &str, why: Why) -> Option<Handover> {
    Some(Handover {
        from: (!from.is_empty()).then(|| gwm(from)),
        to: gwm(to),
        why,
    })
}

impl World {
    fn new(gwms: &[&str], groups: &[&str], combine: &str) -> Self {
        let now = Instant::now();
        Self {
            words: Words::new(&settings(gwms, groups, combine), now),
            now,
            start: now,
        }
    }

    fn at(&mut self, after: Duration) -> &mut Self {
        self.now = self.start + after;
        self
    }

    /// The GWM gives the member of the group this weight.
    fn say(&mut self, from: &str, group: &str, weight: u16) -> Option<Handover> {
        self.said(from, group, weight, true, false)
    }

    fn said(
        &mut self,
        from: &str,
        group: &str,
        weight: u16,
        confident: bool,
        converging: bool,
    ) -> Option<Handover> {
        let port = if group == "A" { 1 } else { 2 };
        let weight = MemberWeight {
            contact: true,
            confident,
            weight,
            ..MemberWeight::default()
        };
        let weights = GroupWeights {
            name: name(group),
            members: BTreeMap::from([(key(&format!("10.0.0.1:{port}")), weight)]),
            converging,
        };
        self.words
            .said(&gwm(from), weights, &BTreeMap::new(), self.now);
        self.words.decide(self.now)
    }

    fn sync(&mut self, from: &str) -> Option<Handover> {
        self.words.synced(&gwm(from), self.now);
        self.words.decide(self.now)
    }

    fn lose(&mut self, from: &str) -> Option<Handover> {
        self.words.lost(&gwm(from), self.now);
        self.words.decide(self.now)
    }

    fn expire(&mut self) -> Vec<Name> {
        self.words.expire(self.now).unwrap_or_default()
    }

    fn freshness(&self, group: &str) -> Freshness {
        self.words.inputs()[&name(group)].freshness
    }

    /// Of the only member.
    fn weight(&self, group: &str) -> Option<u16> {
        let inputs = self.words.inputs();
        let mut members = inputs[&name(group)].members.values();
        members.next().map(|word: &Word| word.weight)
    }

    fn sources(&self, group: &str) -> Vec<String> {
        let sources = self.words.sources(&name(group)).into_iter();
        sources.map(|gwm| gwm.host.clone()).collect()
    }
}

#[test]
fn without_a_gwm_nothing_is_held() {
    for combine in ["fail-over", "mean"] {
        let world = World::new(&[], &["A"], combine);
        assert_eq!(world.freshness("A"), Freshness::Gone);
        assert_eq!(world.words.deadline(), None);
        assert!(world.sources("A").is_empty());
    }
}

#[test]
fn words_from_before_a_restart_are_held_and_then_forgotten() {
    for (combine, gwms) in [("fail-over", &["a"][..]), ("min", &["a", "b"])] {
        let mut world = World::new(gwms, &["A"], combine);
        assert_eq!(world.freshness("A"), Freshness::Held);
        world.at(PATIENCE);
        world.words.decide(world.now);
        assert_eq!(world.words.deadline(), Some(world.start + HOLD));
        assert!(
            world
                .at(HOLD - Duration::from_millis(1))
                .expire()
                .is_empty()
        );
        assert_eq!(world.at(HOLD).expire(), [name("A")]);
        assert_eq!(world.freshness("A"), Freshness::Gone);
        assert_eq!(world.words.deadline(), None);
    }
}

#[test]
fn a_lost_session_starts_the_hold_time_and_a_new_word_ends_it() {
    let mut world = World::new(&["a"], &["A", "B"], "fail-over");
    world.sync("a");
    world.say("a", "A", 1);
    world.say("a", "B", 1);
    assert_eq!(world.words.deadline(), None);
    let lost = Duration::from_secs(1000);
    world.at(lost).lose("a");
    assert_eq!(world.words.deadline(), Some(world.start + lost + HOLD));
    assert_eq!(world.sources("A"), ["a"], "the words are its own still");
    world.say("a", "A", 1);
    assert_eq!(world.freshness("A"), Freshness::Live);
    assert_eq!(world.at(lost + HOLD).expire(), [name("B")]);
    assert!(world.sources("B").is_empty());
}

#[test]
fn a_flapping_session_that_brings_no_words_does_not_prolong_the_hold_time() {
    let mut world = World::new(&["a"], &["A"], "fail-over");
    world.say("a", "A", 1);
    world.lose("a");
    world.at(HOLD / 2).lose("a");
    assert_eq!(world.at(HOLD).expire(), [name("A")]);
}

#[test]
fn a_reload_keeps_what_was_said_of_groups_that_stay() {
    let mut world = World::new(&["a"], &["A", "B"], "fail-over");
    world.say("a", "A", 1);
    let config = settings(&["a"], &["A", "C"], "fail-over");
    world
        .words
        .configure(&config, &BTreeSet::new(), world.start);
    assert_eq!(world.freshness("A"), Freshness::Live);
    assert_eq!(world.freshness("C"), Freshness::Held);
    world.say("a", "B", 1);
    assert!(!world.words.inputs().contains_key(&name("B")));
}

#[test]
fn a_new_session_inherits_nothing_but_the_hold_time() {
    let mut world = World::new(&["a"], &["A"], "fail-over");
    world.say("a", "A", 1);
    let config = settings(&["a"], &["A"], "fail-over");
    world
        .words
        .configure(&config, &BTreeSet::from([gwm("a")]), world.now);
    assert_eq!(world.freshness("A"), Freshness::Held);
    let none = settings(&[], &["A"], "fail-over");
    world.words.configure(&none, &BTreeSet::new(), world.now);
    assert_eq!(world.freshness("A"), Freshness::Gone);
    assert!(!world.words.is_in_charge(&gwm("a")));
}

#[test]
fn only_the_one_in_charge_has_a_say_and_a_warm_standby_takes_over_at_once() {
    let mut world = World::new(&["a", "b"], &["A"], "fail-over");
    world.sync("b");
    assert_eq!(world.say("b", "A", 7), None, "the first is given time");
    assert_eq!(world.weight("A"), None);
    assert_eq!(world.freshness("A"), Freshness::Held);
    world.sync("a");
    world.say("a", "A", 40);
    assert_eq!(world.weight("A"), Some(40));
    world.say("b", "A", 9);
    assert_eq!(world.weight("A"), Some(40));
    assert!(world.words.counts(&gwm("a")) && !world.words.counts(&gwm("b")));
    assert_eq!(world.lose("a"), handover("a", "b", Why::Lost));
    assert_eq!(
        (world.weight("A"), world.sources("A")),
        (Some(9), vec!["b".to_owned()])
    );
    assert_eq!(world.lose("b"), None, "nobody else is well");
    assert_eq!(world.freshness("A"), Freshness::Held);
    assert_eq!(world.sources("A"), ["b"]);
}

#[test]
fn a_standby_that_has_not_looked_yet_does_not_take_over() {
    let mut world = World::new(&["a", "b"], &["A"], "fail-over");
    world.sync("a");
    world.say("a", "A", 40);
    world.sync("b");
    world.said("b", "A", 0, false, true);
    assert_eq!(world.lose("a"), None);
    assert_eq!(world.freshness("A"), Freshness::Held);
    let settled = world.said("b", "A", 0, false, false);
    assert_eq!(settled, handover("a", "b", Why::Lost));
}

#[test]
fn one_that_never_comes_up_makes_way_in_time() {
    let mut world = World::new(&["a", "b"], &["A"], "fail-over");
    world.sync("b");
    world.say("b", "A", 9);
    assert_eq!(world.words.deadline(), Some(world.start + PATIENCE));
    world.at(PATIENCE);
    assert_eq!(
        world.words.decide(world.now),
        handover("a", "b", Why::NotUp)
    );
    let mut world = World::new(&["a", "b"], &["A"], "fail-over");
    world.sync("b");
    world.say("b", "A", 9);
    assert_eq!(
        world.lose("a"),
        handover("a", "b", Why::Lost),
        "it was refused"
    );
}

#[test]
fn a_preferred_one_comes_back_after_it_was_well_without_a_break() {
    let mut world = World::new(&["a", "b"], &["A"], "fail-over");
    world.lose("a");
    world.sync("b");
    assert_eq!(world.say("b", "A", 9), handover("a", "b", Why::Lost));
    let back = Duration::from_secs(60);
    world.at(back).sync("a");
    assert_eq!(world.say("a", "A", 40), None);
    assert_eq!(world.words.deadline(), Some(world.start + back + FAIL_BACK));
    // A break starts the time anew.
    let again = back + FAIL_BACK / 2;
    world.at(again).lose("a");
    world.sync("a");
    world.say("a", "A", 40);
    world.at(back + FAIL_BACK);
    assert_eq!(world.words.decide(world.now), None);
    assert_eq!(
        world.words.deadline(),
        Some(world.start + again + FAIL_BACK)
    );
    world.at(again + FAIL_BACK);
    assert_eq!(
        world.words.decide(world.now),
        handover("b", "a", Why::FailBack)
    );
    assert_eq!(world.weight("A"), Some(40));
    assert_eq!(world.words.deadline(), None);
}

#[test]
fn a_gwm_that_is_added_waits_and_one_that_is_removed_makes_way() {
    let mut world = World::new(&["b"], &["A"], "fail-over");
    world.sync("b");
    world.say("b", "A", 9);
    let both = settings(&["a", "b"], &["A"], "fail-over");
    let configured = world.words.configure(&both, &BTreeSet::new(), world.now);
    assert_eq!(configured, None);
    world.sync("a");
    world.say("a", "A", 40);
    assert_eq!(world.weight("A"), Some(9));
    let one = settings(&["a"], &["A"], "fail-over");
    let configured = world.words.configure(&one, &BTreeSet::new(), world.now);
    assert_eq!(configured, handover("b", "a", Why::Configured));
    assert_eq!(world.weight("A"), Some(40));
}

#[test]
fn combined_gwms_count_while_they_are_live_and_have_looked() {
    let mut world = World::new(&["a", "b"], &["A"], "mean");
    world.sync("a");
    world.say("a", "A", 40);
    assert_eq!(
        (world.weight("A"), world.sources("A")),
        (Some(40), vec!["a".to_owned()])
    );
    world.said("b", "A", 0, false, true);
    assert_eq!(world.sources("A"), ["a"], "the other has not looked yet");
    world.say("b", "A", 3);
    assert_eq!(world.weight("A"), Some(u16::MAX));
    assert_eq!(world.sources("A"), ["a", "b"]);
    world.lose("a");
    assert_eq!(
        (world.weight("A"), world.sources("A")),
        (Some(3), vec!["b".to_owned()])
    );
    world.lose("b");
    assert_eq!(world.freshness("A"), Freshness::Held);
    assert_eq!(world.at(HOLD).expire(), [name("A")]);
    assert_eq!(world.freshness("A"), Freshness::Gone);
}

#[test]
fn another_way_to_combine_takes_effect_at_once() {
    let mut world = World::new(&["a", "b"], &["A"], "min");
    for (from, weight) in [("a", 40), ("b", 3)] {
        world.sync(from);
        world.say(from, "A", weight);
    }
    let config = settings(&["a", "b"], &["A"], "fail-over");
    let configured = world.words.configure(&config, &BTreeSet::new(), world.now);
    assert_eq!(configured, handover("", "a", Why::Configured));
    assert_eq!(world.weight("A"), Some(40));
}

#[test]
fn members_that_registered_themselves_are_passed_on_from_where_they_may() {
    let mut world = World::new(&["a"], &["A"], "fail-over");
    let weights = GroupWeights {
        name: name("A"),
        members: BTreeMap::new(),
        converging: false,
    };
    let unknown = ["10.1.0.7:1", "10.2.0.7:1"]
        .map(|text| (key(text), MemberWeight::default()))
        .into();
    let left_out = world.words.said(&gwm("a"), weights, &unknown, world.now);
    assert_eq!(left_out, 0);
    let inputs = world.words.inputs();
    let members: Vec<_> = inputs[&name("A")].members.keys().copied().collect();
    assert_eq!(
        members,
        [key("10.1.0.7:1"), key("10.2.0.7:1")],
        "to be shown"
    );
}

#[test]
fn a_flood_of_members_drives_none_out_that_was_there_even_across_a_lost_session_and_is_told_once() {
    let mut world = World::new(&["a"], &["A"], "fail-over");
    let mut unknown = BTreeMap::from([(key("10.1.255.255:1"), MemberWeight::default())]);
    let say = |world: &mut World, unknown: &BTreeMap<MemberKey, MemberWeight>| {
        let weights = GroupWeights {
            name: name("A"),
            members: BTreeMap::new(),
            converging: false,
        };
        world.words.said(&gwm("a"), weights, unknown, world.now)
    };
    assert_eq!(say(&mut world, &unknown), 0);
    let flood = (0..guests::GUESTS_MAX)
        .map(|number| key(&format!("10.1.{}.{}:1", number / 256, number % 256)));
    unknown.extend(flood.map(|key| (key, MemberWeight::default())));
    world.lose("a");
    world.at(HOLD).expire();
    assert_eq!(say(&mut world, &unknown), 1);
    assert_eq!(say(&mut world, &unknown), 0, "told once");
    let inputs = world.words.inputs();
    let members = &inputs[&name("A")].members;
    assert!(members.contains_key(&key("10.1.255.255:1")));
    assert_eq!(members.len(), guests::GUESTS_MAX);
}

#[test]
fn a_gwm_that_has_forgotten_its_guests_has_the_hold_time_to_list_them_again() {
    let mut world = World::new(&["a"], &["A"], "fail-over");
    let (stays, leaves) = (key("10.1.0.1:1"), key("10.1.0.2:1"));
    let said = |weight| MemberWeight {
        contact: true,
        confident: true,
        weight,
        ..MemberWeight::default()
    };
    let say = |world: &mut World, guests: &[(MemberKey, u16)]| {
        let weights = GroupWeights {
            name: name("A"),
            members: BTreeMap::new(),
            converging: false,
        };
        let unknown = guests.iter().map(|(key, weight)| (*key, said(*weight)));
        world.words.synced(&gwm("a"), world.now);
        let unknown = unknown.collect();
        world.words.said(&gwm("a"), weights, &unknown, world.now);
    };
    let weights = |world: &World| -> Vec<(MemberKey, u16)> {
        let inputs = world.words.inputs();
        let members = inputs[&name("A")].members.iter();
        members.map(|(key, word)| (*key, word.weight)).collect()
    };
    say(&mut world, &[(stays, 10), (leaves, 20)]);
    world.at(Duration::from_secs(10)).lose("a");
    world.at(Duration::from_secs(20));
    say(&mut world, &[]);
    assert_eq!(weights(&world), [(stays, 10), (leaves, 20)], "as last said");
    say(&mut world, &[(stays, 30)]);
    assert_eq!(weights(&world), [(stays, 30), (leaves, 20)]);
    let end = world.start + Duration::from_secs(20) + HOLD;
    assert_eq!(world.words.deadline(), Some(end));
    assert_eq!(world.words.expire(world.now), None);
    assert_eq!(world.words.expire(end), Some(Vec::new()), "that is news");
    assert_eq!(weights(&world), [(stays, 30)]);
    assert_eq!(world.words.deadline(), None);
    say(&mut world, &[]);
    assert_eq!(weights(&world), [], "listed on this connection, then not");
}

#[test]
fn members_that_nobody_takes_in_do_not_count_when_gwms_are_combined() {
    let mut world = World::new(&["a", "b"], &["A"], "mean");
    let weight = |weight| MemberWeight {
        contact: true,
        confident: true,
        weight,
        ..MemberWeight::default()
    };
    let (member, stranger) = (key("10.0.0.1:1"), key("10.2.0.7:1"));
    let guest = key("10.1.0.7:1");
    for gwm_name in ["a", "b"] {
        let weights = GroupWeights {
            name: name("A"),
            members: [(member, weight(40))].into(),
            converging: false,
        };
        let mut unknown = BTreeMap::from([(guest, weight(20))]);
        if gwm_name == "a" {
            unknown.insert(stranger, weight(60_000));
        }
        world.sync(gwm_name);
        let gwm = gwm(gwm_name);
        world.words.said(&gwm, weights, &unknown, world.now);
    }
    let inputs = world.words.inputs();
    let members = &inputs[&name("A")].members;
    let weights = (members[&member].weight, members[&guest].weight);
    assert_eq!(weights, (65_535, 32_768));
    assert!(members.contains_key(&stranger));
}
