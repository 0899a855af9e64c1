//! What the engine can tell of itself.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Engine, Running, Scope};
use crate::gwm::sources::reading::Reading;
use crate::gwm::sources::rule::Source;
use crate::gwm::sources::status::{Note, RuleStatus, TargetStatus};
use crate::sasp::gwm::Assessment;
use crate::sasp::msg::MemberKey;

impl Engine {
    /// Every rule and what it knows of its members.
    pub fn status(&self) -> Vec<RuleStatus> {
        self.rules.values().map(Running::status).collect()
    }

    /// What is said of everyone, by scope.
    pub fn said(&self) -> impl Iterator<Item = (&Scope, &Assessment)> {
        self.said.iter()
    }
}

impl Running {
    fn status(&self) -> RuleStatus {
        let targets = self.targets.iter().map(|(member, target)| TargetStatus {
            member: *member,
            reading: target.reading,
            since: target.since,
            answered: target.answered,
            error: target.error.clone(),
            answers: target.answers,
            failures: target.failures,
        });
        RuleStatus {
            source: self.rule.source.name(),
            asked: self.rule.source.to_string(),
            group: self.rule.group.clone(),
            balancer: self.rule.balancer.clone(),
            targets: targets.collect(),
            left_out: self.left_out,
        }
    }

    /// What is worth a line after an answer; `before` is what those whom it concerns read before. Weights that
    /// change with load are no news, nor is a failure that goes on.
    pub(super) fn notes(&mut self, before: &[(MemberKey, Reading)]) -> Vec<Note> {
        let mut news = Vec::new();
        let mut withdrawn = BTreeSet::new();
        for (member, before) in before {
            let Some(target) = self.targets.get(member) else {
                continue;
            };
            let now = target.reading;
            if !now.confident {
                withdrawn.insert(*member);
            }
            let same = (
                before.heard,
                before.confident,
                before.contact,
                before.quiesce,
            ) == (now.heard, now.confident, now.contact, now.quiesce);
            if !same {
                news.push(Note::Member {
                    rule: Arc::clone(&self.rule),
                    member: *member,
                    reading: now,
                    error: target.error.clone(),
                });
            }
        }
        if self.rule.source.asks_each_member() || matches!(self.rule.source, Source::Static(_)) {
            return news;
        }
        // One line for a source that all depend on, not one for each of them.
        let failing = !before.is_empty() && withdrawn.len() == before.len();
        let rule = Arc::clone(&self.rule);
        match (std::mem::replace(&mut self.failing, failing), failing) {
            (false, true) => {
                let target = self.targets.values().next();
                let why = target.and_then(|target| target.error.clone());
                vec![Note::SourceFailed {
                    rule,
                    why: why.unwrap_or_default(),
                }]
            }
            (true, false) => vec![Note::SourceBack { rule }],
            (true, true) => Vec::new(),
            (false, false) => news,
        }
    }
}
