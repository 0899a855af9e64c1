//! Which members each rule is about: listed ones from the start, registered ones as they come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::{Engine, Job, JobChange, RuleId, Running, Scope, TARGETS_MAX, scope};
use crate::gwm::sources::rule::{Asked, Members, Rule, Source};
use crate::gwm::sources::status::Note;
use crate::gwm::sources::target::Target;
use crate::sasp::msg::{MemberKey, Name};

impl Engine {
    /// The groups of which it wants to know who is registered.
    pub fn watched_groups(&self) -> BTreeSet<Name> {
        let rules = self.rules.values().map(|running| &running.rule);
        rules
            .filter(|rule| rule.members == Members::Registered)
            .map(|rule| rule.group.clone())
            .collect()
    }

    pub(super) fn add_rule(&mut self, rule: Rule, now: Instant, touched: &mut BTreeSet<Scope>) {
        let id = RuleId(self.next_id);
        self.next_id += 1;
        let rule = Arc::new(rule);
        if rule.source.asked() == Asked::Once {
            let job = Job {
                rule: id,
                member: None,
            };
            self.jobs
                .push_back(JobChange::Start(job, Arc::clone(&rule)));
        }
        let listed = listed(&rule);
        let running = Running {
            rule,
            targets: BTreeMap::new(),
            left_out: 0,
            last: None,
        };
        self.rules.insert(id, running);
        self.index(id, touched);
        self.set_targets(id, listed, now, touched);
    }

    /// Notes a rule about registered members, which is about others with it.
    fn index(&mut self, id: RuleId, touched: &mut BTreeSet<Scope>) {
        let rule = Arc::clone(&self.rules[&id].rule);
        if rule.members == Members::Registered {
            let key = (rule.group.clone(), rule.balancer.clone());
            self.of_registered.entry(key).or_default().insert(id);
            self.touch_group(&rule, touched);
        }
    }

    /// Undoes [`Engine::index`].
    fn unindex(&mut self, id: RuleId, touched: &mut BTreeSet<Scope>) {
        let rule = Arc::clone(&self.rules[&id].rule);
        let key = (rule.group.clone(), rule.balancer.clone());
        if let Some(rules) = self.of_registered.get_mut(&key)
            && rules.remove(&id)
        {
            if rules.is_empty() {
                self.of_registered.remove(&key);
            }
            self.touch_group(&rule, touched);
        }
    }

    /// Touches whoever any rule names in the group, as far as a rule of this scope concerns them.
    fn touch_group(&self, rule: &Rule, touched: &mut BTreeSet<Scope>) {
        let named = self.speakers.keys().filter(|named| {
            named.group == rule.group
                && (named.balancer.is_none() || named.balancer == rule.balancer)
        });
        touched.extend(named.map(|named| scope(rule, named.member)));
    }

    /// Touches a scope of which a rule has begun or ceased to speak, and those that depend on that.
    pub(super) fn touch(&self, scope: Scope, touched: &mut BTreeSet<Scope>) {
        if scope.balancer.is_none() {
            let first = (scope.group.clone(), None);
            let rules = self.of_registered.range(first..).map(|(key, _)| key);
            let of_group = rules.take_while(|(group, _)| *group == scope.group);
            touched.extend(of_group.map(|(_, balancer)| Scope {
                balancer: balancer.clone(),
                ..scope.clone()
            }));
        }
        touched.insert(scope);
    }

    /// Lets a rule have other members; those that are in its `rule` both before and after keep what is known.
    pub(super) fn change_members(
        &mut self,
        id: RuleId,
        rule: Rule,
        now: Instant,
        touched: &mut BTreeSet<Scope>,
    ) {
        let wanted = match rule.members {
            Members::Listed(_) => listed(&rule),
            Members::Registered => self.registered_for(&rule),
        };
        self.unindex(id, touched);
        if let Some(running) = self.rules.get_mut(&id) {
            running.rule = Arc::new(rule);
            self.index(id, touched);
            self.set_targets(id, wanted, now, touched);
        }
    }

    pub(super) fn remove_rule(&mut self, id: RuleId, touched: &mut BTreeSet<Scope>) {
        // Its targets go first, while it is still there to say what they were.
        let members: Vec<_> = self.rules[&id].targets.keys().copied().collect();
        for member in members {
            self.remove_target(id, member, touched);
        }
        self.unindex(id, touched);
        if let Some(running) = self.rules.remove(&id)
            && running.rule.source.asked() == Asked::Once
        {
            let job = Job {
                rule: id,
                member: None,
            };
            self.jobs.push_back(JobChange::Stop(job));
        }
    }

    /// Gives every rule about registered members those that are registered.
    pub(super) fn retarget(&mut self, now: Instant, touched: &mut BTreeSet<Scope>) {
        let ids: Vec<RuleId> = self
            .rules
            .iter()
            .filter(|(_, running)| running.rule.members == Members::Registered)
            .map(|(id, _)| *id)
            .collect();
        for id in ids {
            let wanted = self.registered_for(&self.rules[&id].rule);
            self.set_targets(id, wanted, now, touched);
        }
    }

    fn registered_for(&self, rule: &Rule) -> BTreeSet<MemberKey> {
        let Some(balancers) = self.registrations.get(&rule.group) else {
            return BTreeSet::new();
        };
        match &rule.balancer {
            Some(uid) => balancers.get(uid).cloned().unwrap_or_default(),
            None => balancers.values().flatten().copied().collect(),
        }
    }

    fn set_targets(
        &mut self,
        id: RuleId,
        wanted: BTreeSet<MemberKey>,
        now: Instant,
        touched: &mut BTreeSet<Scope>,
    ) {
        let present: BTreeSet<MemberKey> = self.rules[&id].targets.keys().copied().collect();
        for gone in present.difference(&wanted) {
            self.remove_target(id, *gone, touched);
        }
        let room = match self.rules[&id].rule.source.asked() {
            Asked::Nothing => usize::MAX,
            Asked::EachMember | Asked::Once => TARGETS_MAX - self.asked,
        };
        let new: BTreeSet<MemberKey> = wanted.difference(&present).copied().collect();
        let left_out = new.len().saturating_sub(room);
        let new: BTreeSet<MemberKey> = new.into_iter().take(room).collect();
        for member in &new {
            self.add_target(id, *member, now, touched);
        }
        if let Some(running) = self.rules.get_mut(&id) {
            running.tell_again(&new, now);
            if left_out > running.left_out {
                self.notes.push_back(Note::LeftOut {
                    rule: Arc::clone(&running.rule),
                    members: left_out,
                });
            }
            running.left_out = left_out;
        }
    }

    fn add_target(
        &mut self,
        id: RuleId,
        member: MemberKey,
        now: Instant,
        touched: &mut BTreeSet<Scope>,
    ) {
        let Some(running) = self.rules.get_mut(&id) else {
            return;
        };
        let rule = Arc::clone(&running.rule);
        let weight = match &rule.source {
            Source::Static(weights) => weights.get(&member).copied(),
            _ => {
                self.asked += 1;
                None
            }
        };
        let target = Target::new(&rule.source, weight, now);
        running.targets.insert(member, target);
        let scope = scope(&rule, member);
        self.speakers.entry(scope.clone()).or_default().insert(id);
        self.touch(scope, touched);
        if rule.source.asked() == Asked::EachMember {
            let job = Job {
                rule: id,
                member: Some(member),
            };
            self.jobs.push_back(JobChange::Start(job, rule));
        }
    }

    fn remove_target(&mut self, id: RuleId, member: MemberKey, touched: &mut BTreeSet<Scope>) {
        let Some(running) = self.rules.get_mut(&id) else {
            return;
        };
        running.targets.remove(&member);
        let source = &running.rule.source;
        if source.asked() != Asked::Nothing {
            self.asked -= 1;
        }
        if source.asked() == Asked::EachMember {
            let job = Job {
                rule: id,
                member: Some(member),
            };
            self.jobs.push_back(JobChange::Stop(job));
        }
        let scope = scope(&running.rule, member);
        if let Some(rules) = self.speakers.get_mut(&scope) {
            rules.remove(&id);
            if rules.is_empty() {
                self.speakers.remove(&scope);
            }
        }
        self.touch(scope, touched);
    }
}

/// The members that a rule names.
fn listed(rule: &Rule) -> BTreeSet<MemberKey> {
    match &rule.members {
        Members::Listed(members) => members.clone(),
        Members::Registered => BTreeSet::new(),
    }
}
