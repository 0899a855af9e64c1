//! What can be told of the rules: for `gwm status`, and for the log.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::reading::Reading;
use super::rule::{Rule, Source};
use crate::sasp::msg::{MemberKey, Name};

/// One rule and what it knows.
#[derive(Clone, Debug)]
pub struct RuleStatus {
    /// `static`, `probe`, `agent-check`, `prometheus` or `file`.
    pub source: &'static str,
    /// What is asked, for people.
    pub asked: String,
    /// The group.
    pub group: Name,
    /// The balancer; `None`: all.
    pub balancer: Option<Name>,
    /// Its members.
    pub targets: Vec<TargetStatus>,
    /// Members for which there was no room.
    pub left_out: usize,
    /// Why a source that speaks of all members at once says nothing.
    pub error: Option<String>,
}

/// What a rule knows of a member.
#[derive(Clone, Debug)]
pub struct TargetStatus {
    /// The member.
    pub member: MemberKey,
    /// What the rule says of it.
    pub reading: Reading,
    /// Since when it says that.
    pub since: Instant,
    /// When the source was asked last.
    pub answered: Option<Instant>,
    /// What was wrong with the last answer.
    pub error: Option<String>,
    /// Answers so far, also those that say that a member is down.
    pub answers: u64,
    /// Answers that say so, and times that there was none.
    pub failures: u64,
}

/// Something worth a line in the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Note {
    /// A source that spoke of all members of a rule speaks of none any more.
    SourceFailed {
        /// The rule.
        rule: Arc<Rule>,
        /// Why.
        why: String,
    },
    /// It speaks again.
    SourceBack {
        /// The rule.
        rule: Arc<Rule>,
    },
    /// A member reads otherwise.
    Member {
        /// The rule.
        rule: Arc<Rule>,
        /// The member.
        member: MemberKey,
        /// What the rule says now.
        reading: Reading,
        /// What was wrong with the last answer.
        error: Option<String>,
    },
    /// There was no room for some members of a rule.
    LeftOut {
        /// The rule.
        rule: Arc<Rule>,
        /// How many.
        members: usize,
    },
}

impl Note {
    /// Something does not work.
    pub fn is_bad(&self) -> bool {
        match self {
            Self::SourceFailed { .. } | Self::LeftOut { .. } => true,
            Self::SourceBack { .. } => false,
            Self::Member { reading, .. } => !reading.confident || reading.contact == Some(false),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SourceFailed { rule, why } => {
                let (source, group) = (&rule.source, &rule.group);
                write!(
                    f,
                    "{source} of group {group} fails, its last weights stay but are not confident"
                )?;
                if let Source::Prometheus(prometheus) = source {
                    write!(f, " after {:?}", prometheus.stale)?;
                }
                write!(f, ": {why}")
            }
            Self::SourceBack { rule } => {
                write!(f, "{} of group {} answers again", rule.source, rule.group)
            }
            Self::Member {
                rule,
                member,
                reading,
                error,
            } => {
                let (group, source) = (&rule.group, &rule.source);
                write!(f, "{member} of group {group}: {source} says {reading}")?;
                match error {
                    Some(error) => write!(f, " ({error})"),
                    None => Ok(()),
                }
            }
            Self::LeftOut { rule, members } => write!(
                f,
                "{members} members of group {} are left out by {}: {} are watched already, list those that matter",
                rule.group,
                rule.source,
                super::engine::TARGETS_MAX
            ),
        }
    }
}

/// `up, weight 40, 50 %, quiesce`; `not confident` if so.
impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.heard {
            parts.push("nothing yet".to_owned());
        } else {
            if !self.confident {
                parts.push("not confident".to_owned());
            }
            match self.contact {
                Some(true) => parts.push("up".to_owned()),
                Some(false) => parts.push("down".to_owned()),
                None => {}
            }
        }
        if self.quiesce {
            parts.push("quiesce".to_owned());
        }
        parts.extend(self.weight.map(|weight| format!("weight {weight}")));
        parts.extend(self.percent.map(|percent| format!("{percent} %")));
        match parts.is_empty() {
            true => f.write_str("ready"),
            false => f.write_str(&parts.join(", ")),
        }
    }
}
