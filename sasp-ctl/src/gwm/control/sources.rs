//! What the rules' sources say, in short: one row a rule, whatever the number of its members.

use serde::Serialize;

use crate::gwm::sources::status::{RuleStatus, TargetStatus};
use crate::sasp::gwm::Scope;
use crate::sasp::msg::{MemberKey, Name};

/// Members with an error that are listed for each rule.
const ERRORS: usize = 10;

/// One `[[weights]]` rule.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(in crate::gwm) struct SourceStatus {
    /// The group.
    pub(in crate::gwm) group: Name,
    /// The balancer that it is for; `null`: every one.
    pub(in crate::gwm) uid: Option<Name>,
    /// `static`, `probe`, `agent-check`, `prometheus` or `file`.
    pub(in crate::gwm) source: &'static str,
    /// What is asked.
    pub(in crate::gwm) asked: String,
    /// Members that it is about.
    pub(in crate::gwm) members: usize,
    /// Those of them of which it says nothing that counts: not asked yet, or not to be asked.
    pub(in crate::gwm) not_confident: usize,
    /// Those that it says cannot be reached.
    pub(in crate::gwm) down: usize,
    /// Members for which there was no room.
    pub(in crate::gwm) left_out: usize,
    /// Answers, summed over its members.
    pub(in crate::gwm) answers: u64,
    /// Answers that say that a member is down, and times that there was none, summed over its members.
    pub(in crate::gwm) failures: u64,
    /// Members about which something is wrong, the latest first; not more than a few.
    pub(in crate::gwm) errors: Vec<SourceError>,
}

/// What is wrong about a member.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(in crate::gwm) struct SourceError {
    /// The member.
    pub(in crate::gwm) member: MemberKey,
    /// What was wrong with the last answer, or that there was none.
    pub(in crate::gwm) error: String,
    /// How long the source has said what it says of it.
    pub(in crate::gwm) seconds: f64,
}

impl SourceStatus {
    pub(in crate::gwm) fn new(rule: &RuleStatus) -> Self {
        let targets = &rule.targets;
        let count = |is: fn(&TargetStatus) -> bool| targets.iter().filter(|t| is(t)).count();
        let mut errors: Vec<_> = targets.iter().filter_map(error).collect();
        errors.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        errors.truncate(ERRORS);
        Self {
            group: rule.group.clone(),
            uid: rule.balancer.clone(),
            source: rule.source,
            asked: rule.asked.clone(),
            members: targets.len(),
            not_confident: count(|target| !target.reading.confident),
            down: count(|target| target.reading.contact == Some(false)),
            left_out: rule.left_out,
            answers: targets.iter().map(|target| target.answers).sum(),
            failures: targets.iter().map(|target| target.failures).sum(),
            errors,
        }
    }

    pub(super) fn is_in(&self, scope: &Scope) -> bool {
        let is = |only: &Option<Name>, name: &Name| only.as_ref().is_none_or(|only| only == name);
        is(&scope.group, &self.group) && self.uid.as_ref().is_none_or(|uid| is(&scope.uid, uid))
    }
}

fn error(target: &TargetStatus) -> Option<SourceError> {
    Some(SourceError {
        member: target.member,
        error: target.error.clone()?,
        seconds: target.since.elapsed().as_secs_f64(),
    })
}
