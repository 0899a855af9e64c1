//! What one rule knows of one member, and how that changes with each answer.

use std::time::{Duration, Instant};

use super::agent_line::AgentLine;
use super::prometheus::Weighed;
use super::reading::Reading;
use super::rise_fall::RiseFall;
use super::rule::Source;
use super::weight_file::Mark;

/// How a probe went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Probed {
    /// The member is there.
    Reached,
    /// It is not, and why.
    NotReached(String),
    /// The question could not be asked: that says nothing of the member.
    NotAsked(String),
}

#[derive(Clone, Debug)]
enum State {
    Static,
    Probe {
        contact: RiseFall,
        fall: u32,
    },
    Agent {
        said: AgentLine,
        fall: u32,
    },
    /// When the sample was taken that the weight is made of.
    Prometheus {
        sampled: Option<(Instant, Duration)>,
        stale: Duration,
    },
    File,
}

/// A member under one rule.
#[derive(Clone, Debug)]
pub(super) struct Target {
    state: State,
    pub(super) reading: Reading,
    /// When the reading became what it is.
    pub(super) since: Instant,
    /// The last answer, good or bad.
    pub(super) answered: Option<Instant>,
    pub(super) error: Option<String>,
    pub(super) answers: u64,
    pub(super) failures: u64,
    /// Times in a row that the source could not be asked.
    unasked: u32,
}

impl Target {
    /// The reading of a member of which nothing was heard yet.
    pub(super) fn awaited(source: &Source) -> Reading {
        Reading {
            contact: matches!(source, Source::Probe(_)).then_some(false),
            ..Reading::default()
        }
    }

    /// A member of which nothing was heard yet; under a static rule, `weight` says everything.
    pub(super) fn new(source: &Source, weight: Option<u16>, now: Instant) -> Self {
        let mut reading = Self::awaited(source);
        let state = match source {
            Source::Static(_) => {
                reading.heard = true;
                reading.confident = true;
                reading.weight = weight;
                State::Static
            }
            Source::Probe(probe) => State::Probe {
                contact: RiseFall::new(probe.rise, probe.fall),
                fall: probe.fall,
            },
            Source::AgentCheck(agent) => State::Agent {
                said: AgentLine::default(),
                fall: agent.fall,
            },
            Source::Prometheus(prometheus) => State::Prometheus {
                sampled: None,
                stale: prometheus.stale,
            },
            Source::File(_) => State::File,
        };
        Self {
            state,
            reading,
            since: now,
            answered: None,
            error: None,
            answers: 0,
            failures: 0,
            unasked: 0,
        }
    }

    pub(super) fn probed(&mut self, result: Probed, now: Instant) {
        let (reached, why) = match result {
            Probed::Reached => (true, None),
            Probed::NotReached(why) => (false, Some(why)),
            Probed::NotAsked(why) => return self.not_asked(why, now),
        };
        self.answer(why, now);
        let State::Probe { contact, .. } = &mut self.state else {
            return;
        };
        contact.result(reached);
        let up = contact.up();
        self.read(now, |reading| {
            reading.heard = up.is_some();
            reading.confident = up.is_some();
            reading.contact = Some(up == Some(true));
        });
    }

    pub(super) fn agent_said(&mut self, line: AgentLine, now: Instant) {
        let unknown = line
            .unknown
            .map(|word| format!("the word {word:?} is not understood"));
        self.answer(unknown, now);
        let State::Agent { said, .. } = &mut self.state else {
            return;
        };
        said.quiesce = line.quiesce.or(said.quiesce);
        said.up = line.up.or(said.up);
        said.percent = line.percent.or(said.percent);
        let (quiesce, up, percent) = (said.quiesce, said.up, said.percent);
        self.read(now, |reading| {
            reading.heard = true;
            reading.confident = true;
            reading.contact = up;
            reading.quiesce = quiesce == Some(true);
            reading.percent = percent;
        });
    }

    pub(super) fn sampled(&mut self, weighed: Result<Weighed, String>, now: Instant) {
        let Weighed { weight, age } = match weighed {
            Ok(weighed) => weighed,
            Err(why) => return self.withdrawn(why, now),
        };
        self.answer(None, now);
        if let State::Prometheus { sampled, .. } = &mut self.state {
            *sampled = Some((now, age));
        }
        self.read(now, |reading| {
            reading.heard = true;
            reading.confident = true;
            reading.weight = Some(weight);
        });
    }

    pub(super) fn in_file(&mut self, said: Result<(u16, Mark), String>, now: Instant) {
        let (weight, mark) = match said {
            Ok(said) => said,
            Err(why) => return self.withdrawn(why, now),
        };
        self.answer(None, now);
        self.read(now, |reading| {
            reading.heard = true;
            reading.confident = true;
            reading.weight = Some(weight);
            reading.quiesce = mark == Mark::Quiesce;
            reading.contact = (mark == Mark::Down).then_some(false);
        });
    }

    /// The source could not be asked, or did not answer. What it said last stays for as long as such a source may be
    /// silent; then nobody stands behind it any more.
    pub(super) fn not_asked(&mut self, why: String, now: Instant) {
        self.failures += 1;
        self.unasked = self.unasked.saturating_add(1);
        self.answered = Some(now);
        self.error = Some(why);
        let counts_still = match &self.state {
            State::Static => true,
            State::Probe { fall, .. } | State::Agent { fall, .. } => self.unasked < *fall,
            State::Prometheus { sampled, stale } => sampled
                .is_some_and(|(heard, age)| now.saturating_duration_since(heard) + age <= *stale),
            State::File => false,
        };
        if !counts_still {
            self.read(now, |reading| reading.confident = false);
        }
    }

    /// The source has answered, but with nothing that counts for this member.
    fn withdrawn(&mut self, why: String, now: Instant) {
        self.answer(Some(why), now);
        self.read(now, |reading| reading.confident = false);
    }

    fn answer(&mut self, problem: Option<String>, now: Instant) {
        self.answers += 1;
        self.failures += u64::from(problem.is_some());
        self.unasked = 0;
        self.answered = Some(now);
        self.error = problem;
    }

    fn read(&mut self, now: Instant, change: impl FnOnce(&mut Reading)) {
        let before = self.reading;
        change(&mut self.reading);
        if self.reading != before {
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests;
