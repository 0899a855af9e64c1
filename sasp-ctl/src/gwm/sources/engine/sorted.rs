//! New rules against those in force: which stay, which have other members only, which come and which go.
//!
//! There may be tens of thousands of either, so that they are looked up, never searched.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::Hash;

use super::super::rule::Rule;
use super::{Engine, RuleId};

/// Everything but what stays as it is.
pub(super) struct Sorted {
    /// Not wanted any more.
    pub(super) old: BTreeSet<RuleId>,
    /// Differ in their members only.
    pub(super) other_members: Vec<(RuleId, Rule)>,
    /// Not there yet.
    pub(super) new: Vec<Rule>,
}

/// Rules by what they are to have in common with a new one; a rule may stand there several times.
struct Index<K>(HashMap<K, VecDeque<RuleId>>);

impl<K: Hash + Eq> Index<K> {
    fn new(rules: impl Iterator<Item = (K, RuleId)>) -> Self {
        let mut index: HashMap<K, VecDeque<RuleId>> = HashMap::new();
        for (key, id) in rules {
            index.entry(key).or_default().push_back(id);
        }
        Self(index)
    }

    /// The oldest one that is not taken yet.
    fn take(&mut self, key: &K) -> Option<RuleId> {
        self.0.get_mut(key)?.pop_front()
    }
}

impl Engine {
    pub(super) fn sort_out(&self, rules: Vec<Rule>) -> Sorted {
        let mut old: BTreeSet<RuleId> = self.rules.keys().copied().collect();
        let in_force = self.rules.iter();
        let mut same = Index::new(in_force.map(|(id, running)| (&*running.rule, *id)));
        let stay: Vec<_> = rules.iter().map(|rule| same.take(&rule)).collect();
        for id in stay.iter().flatten() {
            old.remove(id);
        }
        let changed = rules.into_iter().zip(stay);
        let changed: Vec<Rule> = changed
            .filter_map(|(rule, stays)| stays.is_none().then_some(rule))
            .collect();
        let left = old.iter();
        let mut alike = Index::new(left.map(|id| (self.rules[id].rule.question(), *id)));
        let alike: Vec<_> = changed
            .iter()
            .map(|rule| alike.take(&rule.question()))
            .collect();
        let (mut other_members, mut new) = (Vec::new(), Vec::new());
        for (rule, alike) in changed.into_iter().zip(alike) {
            match alike {
                Some(id) => other_members.push((id, rule)),
                None => new.push(rule),
            }
        }
        for (id, _) in &other_members {
            old.remove(id);
        }
        Sorted {
            old,
            other_members,
            new,
        }
    }
}
