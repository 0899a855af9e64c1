//! One rule with what it knows of its members.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::Report;
use crate::gwm::sources::prometheus::Found;
use crate::gwm::sources::reading::Reading;
use crate::gwm::sources::rule::{Rule, Source};
use crate::gwm::sources::status::Note;
use crate::gwm::sources::target::Target;
use crate::sasp::msg::MemberKey;

/// A rule with what it knows.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) rule: Arc<Rule>,
    pub(super) targets: BTreeMap<MemberKey, Target>,
    /// Members for which there was no room.
    pub(super) left_out: usize,
    /// What a source of all its members said last, for members that come later; and when.
    pub(super) last: Option<(Report, Instant)>,
}

impl Running {
    pub(super) fn concerned(
        &self,
        member: Option<MemberKey>,
    ) -> impl Iterator<Item = (&MemberKey, &Target)> {
        let all = member.is_none().then(|| self.targets.iter());
        let one = member.and_then(|member| self.targets.get_key_value(&member));
        all.into_iter().flatten().chain(one)
    }

    pub(super) fn reads_otherwise(&self, member: &MemberKey, than: &Reading) -> bool {
        let target = self.targets.get(member);
        target.is_some_and(|target| target.reading != *than)
    }

    /// A report that is not of the rule's kind cannot come; it would change nothing.
    pub(super) fn take(&mut self, member: MemberKey, report: Report, now: Instant) {
        let Some(target) = self.targets.get_mut(&member) else {
            return;
        };
        match report {
            Report::Probed(result) => target.probed(result, now),
            Report::Agent(Ok(line)) => target.agent_said(line, now),
            Report::Agent(Err(why)) => target.not_asked(why, now),
            Report::Samples(..) | Report::File(_) => {}
        }
    }

    pub(super) fn take_for_all(
        &mut self,
        report: Report,
        now: Instant,
        before: &[(MemberKey, Reading)],
    ) -> Vec<Note> {
        let was_failing = self.error().is_some();
        give(&self.rule, &report, now, now, self.targets.iter_mut());
        self.last = Some((report, now));
        // One line for a source that all depend on, not one for each of them.
        let rule = Arc::clone(&self.rule);
        match (was_failing, self.error()) {
            (false, None) => self.member_notes(before),
            (false, Some(why)) => vec![Note::SourceFailed {
                rule,
                why: why.to_owned(),
            }],
            (true, None) => vec![Note::SourceBack { rule }],
            (true, Some(_)) => Vec::new(),
        }
    }

    /// Tells members that have just come what a source of all members said last.
    pub(super) fn tell_again(&mut self, members: &BTreeSet<MemberKey>, now: Instant) {
        if let Some((report, heard)) = &self.last {
            let targets = self.targets.iter_mut();
            let new = targets.filter(|(member, _)| members.contains(member));
            give(&self.rule, report, *heard, now, new);
        }
    }

    /// Why the source of all members does not say anything.
    pub(super) fn error(&self) -> Option<&str> {
        match &self.last {
            Some((Report::Samples(Err(why), _) | Report::File(Err(why)), _)) => Some(why),
            _ => None,
        }
    }
}

/// Tells members what was heard of all of them.
fn give<'a>(
    rule: &Rule,
    report: &Report,
    heard: Instant,
    now: Instant,
    targets: impl Iterator<Item = (&'a MemberKey, &'a mut Target)>,
) {
    match (report, &rule.source) {
        (Report::Samples(Ok(samples), at), Source::Prometheus(prometheus)) => {
            let found = Found::new(samples, *at + now.saturating_duration_since(heard));
            targets.for_each(|(member, target)| {
                target.sampled(found.weight(prometheus, member), now);
            });
        }
        (Report::File(Ok(lines)), Source::File(path)) => targets.for_each(|(member, target)| {
            let line = lines.get(member).copied();
            let missing = || format!("{} has no line for it", path.display());
            target.in_file(line.ok_or_else(missing), now);
        }),
        (Report::Samples(Err(why), _) | Report::File(Err(why)), _) => {
            targets.for_each(|(_, target)| target.not_asked(why.clone(), now));
        }
        _ => {}
    }
}
