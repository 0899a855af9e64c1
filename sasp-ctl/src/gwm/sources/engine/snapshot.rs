//! What the engine can tell of itself.

use std::sync::Arc;

use super::{Engine, Running, Scope};
use crate::gwm::sources::reading::Reading;
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
            error: self.error().map(str::to_owned),
        }
    }

    /// What is worth a line after an answer; `before` is what those whom it concerns read before. Weights that
    /// change with load are no news, nor is a failure that goes on.
    pub(super) fn member_notes(&self, before: &[(MemberKey, Reading)]) -> Vec<Note> {
        let news = before.iter().filter_map(|(member, before)| {
            let target = self.targets.get(member)?;
            let now = target.reading;
            let same = (
                before.heard,
                before.confident,
                before.contact,
                before.quiesce,
            ) == (now.heard, now.confident, now.contact, now.quiesce);
            (!same).then(|| Note::Member {
                rule: Arc::clone(&self.rule),
                member: *member,
                reading: now,
                error: target.error.clone(),
            })
        });
        news.collect()
    }
}
