//! Asking: one task for each job, a few hundred connections to members at a time, answers in batches to the engine.

mod agent;
mod file;
mod http;
mod net;
mod note_log;
mod probe;
mod prometheus;
mod tls;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::error;

use super::engine::{Job, JobChange, Report};
use super::handle::Sources;
use super::rule::{AgentCheck, Pace, Probe, Rule, Source};
use super::schedule;
use crate::sasp::msg::MemberKey;
use note_log::NoteLog;

/// Members that are being asked at one time.
const AT_ONCE: usize = 512;
/// Answers that wait for the engine; then the asking waits.
const WAITING: usize = 1024;
/// Registrations often come one by one, in a row.
const SETTLE_TIME: Duration = Duration::from_millis(20);
/// Looking who is registered keeps everybody waiting: it may take one part in so many of the time.
const LOOK_SHARE: u32 = 10;

/// What every asking task has.
#[derive(Clone)]
struct Desk {
    answers: mpsc::Sender<(Job, Report)>,
    at_once: Arc<Semaphore>,
}

/// Asks for ever what the engine wants to know.
pub(in crate::gwm) async fn ask(sources: &Sources) {
    let (answers, mut inbox) = mpsc::channel(WAITING);
    let desk = Desk {
        answers,
        at_once: Arc::new(Semaphore::new(AT_ONCE)),
    };
    let mut jobs = Jobs::default();
    let mut log = NoteLog::default();
    let mut log_windows = tokio::time::interval(note_log::WINDOW);
    sources.look_who_is_registered();
    let mut settle_time = SETTLE_TIME;
    let mut look_at = None;
    loop {
        jobs.change(sources, &desk);
        std::iter::from_fn(|| sources.poll_note()).for_each(|note| log.note(&note));
        tokio::select! {
            Some(first) = inbox.recv() => {
                let batch = std::iter::once(first).chain(std::iter::from_fn(|| inbox.try_recv().ok()));
                let batch: Vec<_> = batch.take(WAITING).collect();
                sources.change(|engine, now| {
                    let reports = batch.into_iter();
                    reports.flat_map(|(job, report)| engine.report(job, report, now)).collect()
                });
            }
            () = sources.registrations_changed(), if look_at.is_none() => {
                look_at = Some(Instant::now() + settle_time);
            }
            () = sleep_until(look_at.unwrap_or_else(Instant::now)), if look_at.is_some() => {
                look_at = None;
                let began = Instant::now();
                sources.look_who_is_registered();
                settle_time = (began.elapsed() * LOOK_SHARE).max(SETTLE_TIME);
            }
            () = sources.has_work() => {}
            _ = log_windows.tick() => log.end_window(),
            Some(ended) = jobs.tasks.join_next(), if !jobs.tasks.is_empty() => {
                if let Err(failure) = ended && failure.is_panic() {
                    error!("a source of weights is not asked any more: {failure}");
                }
            }
        }
    }
}

/// The tasks; all end with this.
#[derive(Default)]
struct Jobs {
    tasks: JoinSet<()>,
    running: HashMap<Job, AbortHandle>,
}

impl Jobs {
    fn change(&mut self, sources: &Sources, desk: &Desk) {
        let mut starting = Vec::new();
        while let Some(change) = sources.poll_job() {
            match change {
                JobChange::Start(job, rule) => starting.push((job, rule)),
                JobChange::Stop(job) => {
                    starting.retain(|(other, _)| *other != job);
                    if let Some(task) = self.running.remove(&job) {
                        task.abort();
                    }
                }
            }
        }
        let together = starting.len();
        for (job, rule) in starting {
            let task = self
                .tasks
                .spawn(desk.clone().ask_again(job, rule, together));
            self.running.insert(job, task);
        }
    }
}

impl Desk {
    async fn ask_again(self, job: Job, rule: Arc<Rule>, together: usize) {
        match (&rule.source, job.member) {
            (
                Source::Probe(Probe { pace, .. }) | Source::AgentCheck(AgentCheck { pace, .. }),
                Some(member),
            ) => {
                sleep(schedule::first_delay(&job, together, pace.interval)).await;
                self.ask_member(job, &rule.source, *pace, member).await;
            }
            (Source::Prometheus(prometheus), None) => {
                let mut server = prometheus::Server::new(prometheus);
                for round in 1.. {
                    let pause = schedule::next_delay(&job, round, prometheus.pace.interval);
                    let next = Instant::now() + pause;
                    let samples = server.ask().await;
                    self.answer(job, Report::Samples(samples, SystemTime::now()))
                        .await;
                    sleep_until(next).await;
                }
            }
            (Source::File(path), None) => {
                let mut file = file::Watched::new(path);
                loop {
                    let lines = file.read().await;
                    self.answer(job, Report::File(lines)).await;
                    file.changed().await;
                }
            }
            // Static weights are not asked for.
            _ => {}
        }
    }

    /// Asks one member for ever, taking turns with others.
    async fn ask_member(&self, job: Job, source: &Source, pace: Pace, member: MemberKey) {
        for round in 1.. {
            let Ok(turn) = self.at_once.acquire().await else {
                return;
            };
            let next = Instant::now() + schedule::next_delay(&job, round, pace.interval);
            let report = match source {
                Source::Probe(probe) => Report::Probed(probe::probe(probe, &member).await),
                Source::AgentCheck(agent) => Report::Agent(agent::ask(agent, &member).await),
                Source::Static(_) | Source::Prometheus(_) | Source::File(_) => return,
            };
            drop(turn);
            self.answer(job, report).await;
            sleep_until(next).await;
        }
    }

    async fn answer(&self, job: Job, report: Report) {
        // Nobody listens any more only when everything ends.
        let _ends = self.answers.send((job, report)).await;
    }
}

/// A member in a line of ours.
fn no_port(member: &MemberKey) -> String {
    format!("{member} has no TCP port of its own: give the rule a `port`")
}

#[cfg(test)]
mod tests;
