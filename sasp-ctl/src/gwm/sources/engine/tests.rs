//! Rules that come and go, members that come and go, and what is said of them meanwhile.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::config::member_key;
use crate::gwm::sources::rule::{AgentCheck, Check, Members, Pace, Probe, Source};
use crate::gwm::sources::weight_file;

const SECOND: Duration = Duration::from_secs(1);
const PACE: Pace = Pace {
    interval: SECOND,
    timeout: SECOND,
};

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

fn key(member: u8) -> MemberKey {
    member_key::parse(&format!("10.0.0.{member}:80")).unwrap()
}

fn rule(balancer: Option<&str>, members: &[u8], source: Source) -> Rule {
    let listed = members.iter().map(|member| key(*member)).collect();
    Rule {
        balancer: balancer.map(name),
        group: name("G"),
        members: match members {
            [] => Members::Registered,
            _ => Members::Listed(listed),
        },
        source,
    }
}

fn fixed(members: &[(u8, u16)]) -> Rule {
    let keys: Vec<u8> = members.iter().map(|(member, _)| *member).collect();
    let weights = members
        .iter()
        .map(|(member, weight)| (key(*member), *weight));
    rule(None, &keys, Source::Static(weights.collect()))
}

fn probe(port: u16) -> Source {
    Source::Probe(Probe {
        check: Check::Tcp,
        port: Some(port),
        pace: PACE,
        rise: 2,
        fall: 3,
    })
}

fn agent() -> Source {
    Source::AgentCheck(AgentCheck {
        port: 9777,
        send: String::new(),
        pace: PACE,
        fall: 3,
    })
}

fn file() -> Source {
    Source::File("weights".into())
}

/// An engine with whoever drives it: the machine's weights are kept by changes alone.
struct Bed {
    engine: Engine,
    weights: Weights,
    now: Instant,
    running: BTreeSet<Job>,
}

impl Bed {
    fn new(rules: &[Rule]) -> Self {
        let mut bed = Self {
            engine: Engine::default(),
            weights: Weights::default(),
            now: Instant::now(),
            running: BTreeSet::new(),
        };
        bed.rules(rules);
        bed
    }

    fn settle(&mut self, changes: Vec<WeightChange>) -> usize {
        for change in &changes {
            self.weights.apply(change);
        }
        while let Some(change) = self.engine.poll_job() {
            match change {
                JobChange::Start(job, _) => assert!(self.running.insert(job), "{job:?} runs"),
                JobChange::Stop(job) => assert!(self.running.remove(&job), "{job:?} does not run"),
            }
        }
        for (scope, assessment) in self.engine.said() {
            let uid = scope
                .balancer
                .clone()
                .unwrap_or(name("nobody in particular"));
            let said = self.weights.assess(&uid, &scope.group, &scope.member);
            assert_eq!(said, *assessment, "{scope:?}");
        }
        assert_eq!(self.engine.weights().len(), self.weights.len());
        for member in 1..4 {
            for balancer in [None, Some("A"), Some("B")] {
                let scope = Scope {
                    group: name("G"),
                    member: key(member),
                    balancer: balancer.map(name),
                };
                let said = self.engine.said.get(&scope).copied();
                assert_eq!(said, self.engine.assess(&scope), "{scope:?}");
            }
        }
        changes.len()
    }

    fn rules(&mut self, rules: &[Rule]) -> usize {
        let changes = self.engine.set_rules(rules.to_vec(), self.now);
        self.settle(changes)
    }

    fn registered(&mut self, registered: &[(&str, &[u8])]) -> usize {
        let balancers = registered.iter().map(|(uid, members)| {
            let members = members.iter().map(|member| key(*member)).collect();
            (name(uid), members)
        });
        let registrations = Registrations::from([(name("G"), balancers.collect())]);
        let changes = self.engine.set_registered(registrations, self.now);
        self.settle(changes)
    }

    /// The job of the rule that is asked first, for a member or for all.
    fn job(&self, member: Option<u8>) -> Job {
        let member = member.map(key);
        let job = self.running.iter().find(|job| job.member == member);
        *job.unwrap_or_else(|| panic!("no job for {member:?}: {:?}", self.running))
    }

    fn report(&mut self, member: Option<u8>, report: Report) -> usize {
        let job = self.job(member);
        let changes = self.engine.report(job, report, self.now);
        self.settle(changes)
    }

    fn reached(&mut self, member: u8) -> usize {
        self.report(Some(member), Report::Probed(Probed::Reached))
    }

    fn file(&mut self, text: &str) -> usize {
        self.report(None, Report::File(weight_file::parse(text)))
    }

    fn assess(&self, balancer: &str, member: u8) -> Assessment {
        self.weights
            .assess(&name(balancer), &name("G"), &key(member))
    }

    fn notes(&mut self) -> Vec<String> {
        let notes = std::iter::from_fn(|| self.engine.poll_note());
        notes.map(|note| note.to_string()).collect()
    }
}

#[test]
fn static_rules_say_what_they_say_and_are_not_asked() {
    let mut bed = Bed::new(&[fixed(&[(1, 40), (2, 20)])]);
    assert_eq!(bed.assess("A", 1), Assessment::fixed(40));
    assert_eq!(bed.assess("A", 3), Assessment::UNKNOWN);
    assert!(bed.running.is_empty());
    assert_eq!(
        bed.rules(&[fixed(&[(1, 41), (2, 20)])]),
        1,
        "only what differs is a change"
    );
    assert_eq!(bed.assess("A", 1), Assessment::fixed(41));
    assert_eq!(bed.rules(&[]), 2);
    assert_eq!(bed.assess("A", 1), Assessment::UNKNOWN);
}

#[test]
fn a_member_is_asked_as_it_registers_and_no_more_as_it_leaves() {
    let mut bed = Bed::new(&[rule(None, &[], probe(1))]);
    assert_eq!(bed.engine.watched_groups(), [name("G")].into());
    bed.registered(&[("A", &[1, 2]), ("B", &[2])]);
    assert_eq!(
        bed.running.len(),
        2,
        "once, however many balancers register it"
    );
    assert_eq!(bed.assess("A", 1), Assessment::UNKNOWN);
    bed.reached(2);
    assert_eq!(bed.assess("B", 2), Assessment::fixed(100));
    bed.registered(&[("A", &[1]), ("B", &[2])]);
    assert_eq!(
        bed.assess("B", 2),
        Assessment::fixed(100),
        "still there for B"
    );
    let late = bed.job(Some(1));
    bed.registered(&[("B", &[2])]);
    assert_eq!(bed.running.len(), 1);
    let changes = bed
        .engine
        .report(late, Report::Probed(Probed::Reached), bed.now);
    assert_eq!(changes, [], "a late answer is nobody's");
}

#[test]
fn a_rule_for_one_balancer_takes_the_place_of_the_others_member_by_member() {
    let mut bed = Bed::new(&[fixed(&[(1, 40), (2, 20)]), rule(Some("B"), &[], probe(1))]);
    bed.registered(&[("A", &[1, 2]), ("B", &[2])]);
    assert_eq!(bed.assess("A", 2), Assessment::fixed(20));
    assert_eq!(
        bed.assess("B", 2),
        Assessment::UNKNOWN,
        "its own rule has heard nothing"
    );
    bed.reached(2);
    assert_eq!(
        bed.assess("B", 2),
        Assessment::fixed(100),
        "the static weight is not its own"
    );
    bed.rules(&[fixed(&[(1, 40), (2, 20)])]);
    assert_eq!(bed.assess("B", 2), Assessment::fixed(20));
}

#[test]
fn a_member_that_is_to_be_probed_is_not_believed_in_before() {
    let named = fixed(&[(1, 40)]);
    let mut bed = Bed::new(&[named.clone(), rule(None, &[], probe(1))]);
    let unknown = Assessment {
        weight: 40,
        ..Assessment::UNKNOWN
    };
    assert_eq!(
        bed.assess("A", 1),
        unknown,
        "as it registers, and until it is known that it has"
    );
    bed.registered(&[("A", &[1])]);
    assert_eq!(bed.assess("A", 1), unknown);
    bed.reached(1);
    assert_eq!(bed.assess("A", 1), Assessment::fixed(40));
    bed.rules(&[named, rule(Some("B"), &[], probe(1))]);
    assert_eq!(bed.assess("A", 1), Assessment::fixed(40));
    assert_eq!(bed.assess("B", 1), Assessment::UNKNOWN);
}

#[test]
fn rules_that_stay_keep_what_they_know_over_a_reload() {
    let kept = rule(None, &[1, 2], probe(1));
    let mut bed = Bed::new(&[kept.clone(), fixed(&[(1, 40)])]);
    bed.reached(1);
    bed.reached(2);
    let jobs = bed.running.clone();
    assert_eq!(bed.rules(&[fixed(&[(1, 40)]), kept]), 0);
    assert_eq!(bed.running, jobs);
    // Another member is no reason to forget these.
    assert_eq!(
        bed.rules(&[rule(None, &[1, 2, 3], probe(1)), fixed(&[(1, 40)])]),
        1
    );
    assert_eq!(bed.assess("A", 1), Assessment::fixed(40));
    assert_eq!(bed.assess("A", 2), Assessment::fixed(100));
    assert_eq!(bed.running.len(), 3);
    // Nor is it that all who are registered are meant.
    bed.registered(&[("A", &[1])]);
    bed.rules(&[rule(None, &[], probe(1)), fixed(&[(1, 40)])]);
    assert_eq!(bed.assess("A", 1), Assessment::fixed(40));
    assert_eq!(bed.running.len(), 1);
    // Another question is.
    bed.rules(&[rule(None, &[], probe(2)), fixed(&[(1, 40)])]);
    assert!(!bed.assess("A", 1).confident);
}

#[test]
fn a_rule_that_stands_twice_runs_twice() {
    let one = rule(None, &[1], probe(1));
    let mut bed = Bed::new(&[one.clone(), one.clone()]);
    assert_eq!(bed.running.len(), 2);
    bed.rules(&[one]);
    assert_eq!(bed.running.len(), 1);
}

#[test]
fn thousands_of_rules_in_another_order_are_the_same_rules() {
    let mut rules: Vec<Rule> = (1..=10_000)
        .map(|port| rule(None, &[1], probe(port)))
        .collect();
    let mut bed = Bed::new(&rules);
    let jobs = bed.running.clone();
    rules.reverse();
    assert_eq!(bed.rules(&rules), 0);
    assert_eq!(bed.running, jobs);
    // All of them are given another member, one is given up and one is new.
    for rule in &mut rules {
        rule.members = Members::Listed([key(1), key(2)].into());
    }
    rules[0] = rule(None, &[1, 2], probe(10_001));
    bed.rules(&rules);
    assert_eq!(bed.running.len(), 20_000);
    assert_eq!(bed.running.intersection(&jobs).count(), 9_999);
}

#[test]
fn numbers_that_are_equal_are_the_same_question() {
    use std::hash::BuildHasher as _;

    use crate::gwm::sources::rule::Finite;
    let state = std::collections::hash_map::RandomState::new();
    let [zero, minus] = [0.0, -0.0].map(|number| Finite::new(number).unwrap());
    assert_eq!(zero, minus);
    assert_eq!(state.hash_one(zero), state.hash_one(minus));
}

#[test]
fn a_file_speaks_of_members_that_come_later_too() {
    let mut bed = Bed::new(&[rule(None, &[], file())]);
    bed.file("10.0.0.1:80 5\n10.0.0.2:80 6 quiesce");
    bed.registered(&[("A", &[1, 2, 3])]);
    assert_eq!(bed.assess("A", 1), Assessment::fixed(5));
    assert!(bed.assess("A", 2).quiesce);
    assert!(!bed.assess("A", 3).confident, "the file has no line for it");
}

#[test]
fn a_source_that_fails_is_told_once_and_leaves_the_weights() {
    let mut bed = Bed::new(&[rule(None, &[1, 2], file())]);
    bed.file("10.0.0.1:80 5\n10.0.0.2:80 6");
    bed.notes();
    bed.file("10.0.0.1:80 5\n10.0.0.2:80 7");
    assert_eq!(bed.notes(), [""; 0], "weights change, that is no news");
    bed.file("10.0.0.1:80 x");
    bed.file("10.0.0.1:80 y");
    let failed = Assessment {
        confident: false,
        ..Assessment::fixed(7)
    };
    assert_eq!(bed.assess("A", 2), failed);
    let told = "file weights of group G fails, its last weights stay but are not confident: line 1: weight \"x\" is not a \
                whole number from 0 to 65535";
    assert_eq!(bed.notes(), [told]);
    bed.file("10.0.0.1:80 5\n10.0.0.2:80 7");
    assert_eq!(bed.notes(), ["file weights of group G answers again"]);
    assert_eq!(bed.assess("A", 2), Assessment::fixed(7));
}

#[test]
fn a_members_changes_are_told_with_the_reason() {
    let mut bed = Bed::new(&[rule(None, &[1], agent())]);
    let say = |bed: &mut Bed, line: &str| {
        let line = AgentLine::parse(line.as_bytes());
        bed.report(Some(1), Report::Agent(line));
        bed.notes()
    };
    assert_eq!(
        say(&mut bed, "50%"),
        ["10.0.0.1:80 of group G: agent-check port 9777 says 50 %"]
    );
    assert_eq!(say(&mut bed, "40%"), [""; 0]);
    assert_eq!(
        say(&mut bed, "drain down"),
        ["10.0.0.1:80 of group G: agent-check port 9777 says down, quiesce, 40 %"]
    );
}

fn everyones(member: u8) -> Scope {
    Scope {
        group: name("G"),
        member: key(member),
        balancer: None,
    }
}

#[test]
fn what_the_operator_says_holds_for_every_balancer_until_it_is_taken_back() {
    let mut bed = Bed::new(&[fixed(&[(1, 40)]), rule(Some("B"), &[1], probe(1))]);
    bed.reached(1);
    let set = |bed: &mut Bed, member, by_hand| {
        let changes = bed.engine.set_override(everyones(member), by_hand);
        bed.settle(changes.unwrap())
    };
    let weight = Override {
        weight: Some(3),
        quiesce: true,
    };
    assert_eq!(set(&mut bed, 1, Some(weight)), 2);
    let expected = Assessment {
        quiesce: true,
        ..Assessment::fixed(3)
    };
    assert_eq!(
        (bed.assess("A", 1), bed.assess("B", 1)),
        (expected, expected)
    );
    bed.rules(&[fixed(&[(1, 40)])]);
    assert_eq!(bed.assess("B", 1), expected, "a reload leaves it");
    set(&mut bed, 9, Some(weight));
    assert_eq!(bed.assess("A", 9), expected, "a member without rules");
    assert_eq!(bed.engine.overrides().len(), 2);
    for member in [1, 9] {
        set(&mut bed, member, None);
    }
    assert_eq!(bed.assess("A", 1), Assessment::fixed(40));
    assert_eq!(bed.assess("A", 9), Assessment::UNKNOWN);
    set(&mut bed, 1, Some(Override::default()));
    assert!(
        bed.engine.overrides().is_empty(),
        "nothing said is nothing kept"
    );
}

#[test]
fn members_beyond_the_limit_are_left_out_and_that_is_told() {
    let mut bed = Bed::new(&[rule(None, &[], probe(1))]);
    let many = (0..=TARGETS_MAX as u32).map(|index| MemberKey {
        protocol: 6,
        port: 80,
        address: std::net::Ipv4Addr::from(0x0a00_0000 + index + 1).into(),
    });
    let balancers = BTreeMap::from([(name("A"), many.collect())]);
    let registrations = Registrations::from([(name("G"), balancers)]);
    let changes = bed.engine.set_registered(registrations, bed.now);
    assert_eq!(changes.len(), TARGETS_MAX);
    let notes = bed.notes();
    assert!(
        notes[0].starts_with("1 members of group G are left out"),
        "{notes:?}"
    );
    assert_eq!(bed.engine.status()[0].left_out, 1);
    bed.engine.set_registered(Registrations::new(), bed.now);
    assert_eq!(bed.engine.asked, 0);
}

#[test]
fn the_status_tells_what_each_rule_knows() {
    let mut bed = Bed::new(&[rule(Some("A"), &[1], probe(7)), rule(None, &[1], file())]);
    bed.report(
        Some(1),
        Report::Probed(Probed::NotReached("refused".into())),
    );
    bed.report(None, Report::File(Err("weights is gone".into())));
    let status = bed.engine.status();
    let [probe, file] = status.as_slice() else {
        panic!("{status:?}");
    };
    assert_eq!(
        (probe.source, probe.asked.as_str()),
        ("probe", "probe tcp port 7")
    );
    assert_eq!(probe.balancer, Some(name("A")));
    assert_eq!(probe.targets[0].error.as_deref(), Some("refused"));
    assert_eq!(
        (probe.targets[0].answers, probe.targets[0].failures),
        (1, 1)
    );
    assert_eq!(file.error.as_deref(), Some("weights is gone"));
}

#[derive(Clone, Debug)]
enum Step {
    Rules(Vec<usize>),
    Registered(Vec<(bool, u8)>),
    Report(usize, u8),
    Override(u8, Option<u16>, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        proptest::collection::vec(0..6_usize, 0..4).prop_map(Step::Rules),
        proptest::collection::vec((any::<bool>(), 1..4_u8), 0..5).prop_map(Step::Registered),
        (any::<usize>(), 0..4_u8).prop_map(|(job, kind)| Step::Report(job, kind)),
        (1..4_u8, any::<Option<u16>>(), any::<bool>())
            .prop_map(|(m, w, q)| Step::Override(m, w, q)),
    ]
}

proptest! {
    /// Changes alone lead to where a fresh start would: the bed compares after every step.
    #[test]
    fn whatever_happens_changes_tell_all_and_jobs_match_the_rules(steps in proptest::collection::vec(step(), 1..30)) {
        let choice = [
            fixed(&[(1, 40), (2, 20)]),
            rule(None, &[], probe(1)),
            rule(Some("A"), &[], agent()),
            rule(None, &[1, 2], probe(2)),
            rule(None, &[], file()),
            rule(Some("B"), &[3], file()),
        ];
        let mut bed = Bed::new(&[]);
        for step in steps {
            match step {
                Step::Rules(indices) => {
                    let rules: Vec<_> = indices.iter().map(|index| choice[*index].clone()).collect();
                    bed.rules(&rules);
                }
                Step::Registered(members) => {
                    let of = |first| members.iter().filter(move |(a, _)| *a == first).map(|(_, m)| *m);
                    let (a, b): (Vec<u8>, Vec<u8>) = (of(true).collect(), of(false).collect());
                    bed.registered(&[("A", &a), ("B", &b)]);
                }
                Step::Report(_, _) if bed.running.is_empty() => {}
                Step::Report(job, kind) => {
                    let job = *bed.running.iter().nth(job % bed.running.len()).unwrap();
                    let report = match (job.member, kind) {
                        (None, 0) => Report::File(Err("gone".into())),
                        (None, _) => Report::File(weight_file::parse("10.0.0.1:80 5\n10.0.0.3:80 6 down")),
                        (Some(_), 0) => Report::Agent(AgentLine::parse(b"drain 50%")),
                        (Some(_), 1) => Report::Agent(Err("refused".into())),
                        (Some(_), 2) => Report::Probed(Probed::Reached),
                        (Some(_), _) => Report::Probed(Probed::NotReached("refused".into())),
                    };
                    let changes = bed.engine.report(job, report, bed.now);
                    bed.settle(changes);
                }
                Step::Override(member, weight, quiesce) => {
                    let by_hand = Override { weight, quiesce };
                    let changes = bed.engine.set_override(everyones(member), Some(by_hand));
                    bed.settle(changes.unwrap());
                }
            }
            let asked: usize = bed.engine.rules.values()
                .filter(|running| !matches!(running.rule.source, Source::Static(_)))
                .map(|running| running.targets.len())
                .sum();
            prop_assert_eq!(bed.engine.asked, asked);
        }
        bed.rules(&[]);
        prop_assert!(bed.running.is_empty());
        prop_assert!(bed.engine.speakers.is_empty());
    }
}
