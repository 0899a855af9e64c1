//! The rules, what they have read, and what the GWM therefore says of each member.
//!
//! It asks nobody itself: [`Engine::poll_job`] says what is to be asked from now on, [`Engine::report`] takes answers,
//! and every call returns what has changed for [`crate::sasp::gwm::Gwm::update_weights`].

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::agent_line::AgentLine;
use super::prometheus::Sample;
use super::reading::{Override, Reading, combine, combine_with};
use super::rule::Rule;
use super::status::Note;
use super::target::{Probed, Target};
use super::weight_file::Lines;
use crate::sasp::gwm::{Assessment, WeightChange, Weights};
use crate::sasp::msg::{MemberKey, Name};

mod registration;
mod running;
mod snapshot;
mod sorted;

use running::Running;
use sorted::Sorted;

/// Members that are asked about or asked, over all rules. What exceeds it is left out, and said so.
pub const TARGETS_MAX: usize = 1 << 16;
/// Members that an operator may say something else of than the rules do.
pub const OVERRIDES_MAX: usize = 1 << 16;

/// Identifies a rule for as long as it stands in the configuration unchanged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleId(u64);

/// Something to be asked again and again: a member under a rule, or a rule's source for all its members.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Job {
    /// The rule.
    pub rule: RuleId,
    /// The member, if each is asked by itself.
    pub member: Option<MemberKey>,
}

/// What to do about a job.
#[derive(Clone, Debug)]
pub enum JobChange {
    /// Ask from now on.
    Start(Job, Arc<Rule>),
    /// Ask no more.
    Stop(Job),
}

/// What came of asking.
#[derive(Clone, PartialEq, Debug)]
pub enum Report {
    /// A probe of one member.
    Probed(Probed),
    /// What one member's agent said.
    Agent(Result<AgentLine, String>),
    /// What a Prometheus server said, at this time of the calendar.
    Samples(Result<Vec<Sample>, String>, SystemTime),
    /// What stands in a file.
    File(Result<Lines, String>),
}

/// Too many overrides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{OVERRIDES_MAX} members are overridden already: resume some of them")]
pub struct TooManyOverrides;

/// Whom rules speak of: the members of a group, for one balancer or for every one that nothing else is said for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Scope {
    /// The group.
    pub group: Name,
    /// The member.
    pub member: MemberKey,
    /// The balancer; `None`: all others.
    pub balancer: Option<Name>,
}

impl Scope {
    fn of_every_balancer(&self) -> Self {
        Self {
            balancer: None,
            ..self.clone()
        }
    }

    fn change(&self, assessment: Option<Assessment>) -> WeightChange {
        WeightChange {
            balancer: self.balancer.clone(),
            group: self.group.clone(),
            member: self.member,
            assessment,
        }
    }
}

/// The members of each group that any rule may want to know, by balancer.
pub type Registrations = BTreeMap<Name, BTreeMap<Name, BTreeSet<MemberKey>>>;

/// See the module.
#[derive(Debug, Default)]
pub struct Engine {
    rules: BTreeMap<RuleId, Running>,
    next_id: u64,
    /// Which rules speak of whom.
    speakers: BTreeMap<Scope, BTreeSet<RuleId>>,
    /// Which rules speak of whoever is registered: in which group, for which balancer.
    of_registered: BTreeMap<(Name, Option<Name>), BTreeSet<RuleId>>,
    overrides: BTreeMap<Scope, Override>,
    registrations: Registrations,
    /// What was said last.
    said: BTreeMap<Scope, Assessment>,
    /// Targets whose source is not static.
    asked: usize,
    jobs: VecDeque<JobChange>,
    notes: VecDeque<Note>,
}

impl Engine {
    /// Puts rules into force. Those that stand there unchanged keep what they know; so do those that have only been
    /// given other members, of those that they still have.
    pub fn set_rules(&mut self, rules: Vec<Rule>, now: Instant) -> Vec<WeightChange> {
        let Sorted {
            old,
            other_members,
            new,
        } = self.sort_out(rules);
        let mut touched = BTreeSet::new();
        for id in old {
            self.remove_rule(id, &mut touched);
        }
        for (id, rule) in other_members {
            self.change_members(id, rule, now, &mut touched);
        }
        for rule in new {
            self.add_rule(rule, now, &mut touched);
        }
        self.retarget(now, &mut touched);
        self.refresh(touched)
    }

    /// Says who is registered now in the groups of [`Engine::watched_groups`].
    pub fn set_registered(
        &mut self,
        registrations: Registrations,
        now: Instant,
    ) -> Vec<WeightChange> {
        self.registrations = registrations;
        let mut touched = BTreeSet::new();
        self.retarget(now, &mut touched);
        self.refresh(touched)
    }

    /// Takes what came of asking. Late answers of jobs that have ended are ignored.
    pub fn report(&mut self, job: Job, report: Report, now: Instant) -> Vec<WeightChange> {
        let Some(running) = self.rules.get_mut(&job.rule) else {
            return Vec::new();
        };
        let before: Vec<(MemberKey, Reading)> = running
            .concerned(job.member)
            .map(|(member, target)| (*member, target.reading))
            .collect();
        let notes = match job.member {
            Some(member) => {
                running.take(member, report, now);
                running.member_notes(&before)
            }
            None => running.take_for_all(report, now, &before),
        };
        self.notes.extend(notes);
        let running = &self.rules[&job.rule];
        let changed = before
            .into_iter()
            .filter(|(member, reading)| running.reads_otherwise(member, reading))
            .map(|(member, _)| scope(&running.rule, member))
            .collect();
        self.refresh(changed)
    }

    /// Sets or, with `None`, removes what the operator says of a member: for every balancer, or for one, to which both
    /// count.
    ///
    /// # Errors
    /// If there are too many already.
    pub fn set_override(
        &mut self,
        scope: Scope,
        by_hand: Option<Override>,
    ) -> Result<Vec<WeightChange>, TooManyOverrides> {
        match by_hand.filter(|by_hand| *by_hand != Override::default()) {
            Some(by_hand) => {
                let has_room = self.overrides.len() < OVERRIDES_MAX;
                if !has_room && !self.overrides.contains_key(&scope) {
                    return Err(TooManyOverrides);
                }
                self.overrides.insert(scope.clone(), by_hand);
            }
            None => {
                self.overrides.remove(&scope);
            }
        }
        let everyone = scope.of_every_balancer();
        let mut touched: BTreeSet<Scope> =
            of_same_member(&self.speakers, &everyone).cloned().collect();
        self.touch(everyone, &mut touched);
        touched.insert(scope);
        Ok(self.refresh(touched))
    }

    /// What the operator says of members.
    pub fn overrides(&self) -> &BTreeMap<Scope, Override> {
        &self.overrides
    }

    /// The next job to start or stop; to be drained after every other call.
    pub fn poll_job(&mut self) -> Option<JobChange> {
        self.jobs.pop_front()
    }

    /// The next thing to log; to be drained after every other call.
    pub fn poll_note(&mut self) -> Option<Note> {
        self.notes.pop_front()
    }

    /// Everything that is said now, for a policy that is replaced as a whole.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        for (scope, assessment) in &self.said {
            weights.apply(&scope.change(Some(*assessment)));
        }
        weights
    }

    /// What is to be said of someone.
    fn assess(&self, scope: &Scope) -> Option<Assessment> {
        let everyone = scope.of_every_balancer();
        let mut readings = self.readings(scope);
        if readings.is_empty() && scope.balancer.is_some() {
            // A balancer without rules of its own is told what all are told, as far as the operator does not mind.
            self.overrides.get(scope)?;
            readings = self.readings(&everyone);
        }
        let general = self.overrides.get(&everyone);
        let special = self.overrides.get(scope);
        let by_hand = match (special, general) {
            (Some(special), Some(general)) => Some(Override {
                weight: special.weight.or(general.weight),
                quiesce: special.quiesce || general.quiesce,
            }),
            (one, other) => one.or(other).copied(),
        };
        match by_hand {
            Some(by_hand) => Some(combine_with(&readings, by_hand)),
            None if readings.is_empty() => None,
            None => Some(combine(&readings)),
        }
    }

    fn readings(&self, scope: &Scope) -> Vec<Reading> {
        let own = self.speakers.get(scope).into_iter().flatten();
        let mut readings: Vec<Reading> = own
            .filter_map(|id| self.rules.get(id)?.targets.get(&scope.member))
            .map(|target| target.reading)
            .collect();
        if !readings.is_empty() || self.is_named_for_all(scope) {
            readings.extend(self.awaited(scope));
        }
        readings
    }

    /// Rules for all balancers speak of a member, and `scope` is one balancer's.
    fn is_named_for_all(&self, scope: &Scope) -> bool {
        scope.balancer.is_some() && self.speakers.contains_key(&scope.of_every_balancer())
    }

    /// What rules about registered members say of one that is not registered: nothing yet. So it is not believed in
    /// because of other rules for the moment between its registration and their first question.
    fn awaited(&self, scope: &Scope) -> impl Iterator<Item = Reading> {
        let key = (scope.group.clone(), scope.balancer.clone());
        let rules = self.of_registered.get(&key).into_iter().flatten();
        let rules = rules.filter_map(|id| self.rules.get(id));
        rules
            .filter(|running| !running.targets.contains_key(&scope.member))
            .map(|running| Target::awaited(&running.rule.source))
    }

    fn refresh(&mut self, mut touched: BTreeSet<Scope>) -> Vec<WeightChange> {
        // What is overridden for one balancer may rest on what all are told.
        let resting: Vec<Scope> = touched
            .iter()
            .filter(|scope| scope.balancer.is_none())
            .flat_map(|everyone| of_same_member(&self.overrides, everyone).cloned())
            .collect();
        touched.extend(resting);
        let mut changes = Vec::new();
        for scope in touched {
            let assessment = self.assess(&scope);
            if self.said.get(&scope).copied() == assessment {
                continue;
            }
            changes.push(scope.change(assessment));
            match assessment {
                Some(assessment) => self.said.insert(scope, assessment),
                None => self.said.remove(&scope),
            };
        }
        changes
    }
}

/// The keys that are about the same member of the same group as `everyone`, which is about every balancer's.
fn of_same_member<'a, T>(
    map: &'a BTreeMap<Scope, T>,
    everyone: &'a Scope,
) -> impl Iterator<Item = &'a Scope> {
    map.range(everyone..)
        .map(|(scope, _)| scope)
        .take_while(|scope| scope.group == everyone.group && scope.member == everyone.member)
}

fn scope(rule: &Rule, member: MemberKey) -> Scope {
    Scope {
        group: rule.group.clone(),
        member,
        balancer: rule.balancer.clone(),
    }
}

/// A job of no engine, for tests of those that only tell jobs apart.
#[cfg(test)]
pub(super) fn test_job(rule: u64) -> Job {
    Job {
        rule: RuleId(rule),
        member: None,
    }
}

#[cfg(test)]
mod tests;
