//! `sasp-ctl quiesce` and `sasp-ctl resume`: takes a member out of service, or lets it back in.

use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::json;

use super::failure::Failure;
use super::target::{self, Choice};
use super::{client, output};
use crate::config::duration;

/// How often `--wait` looks: the daemon's own look at the flows is rarer.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is asked of a member.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The member's SASP group
    group: String,
    /// The member, as `status` shows it
    #[arg(value_name = "ADDR[:PORT]")]
    member: String,
    /// Wait until no flow is left at the member (quiesce) or until it gets flows again (resume)
    #[arg(long)]
    wait: bool,
    /// With --wait: give up after this time, with exit code 1; the member stays as it is [default: never]
    #[arg(long, value_name = "TIME", requires = "wait", value_parser = duration::parse)]
    timeout: Option<Duration>,
    #[command(flatten)]
    choice: Choice,
}

/// Whether a member is taken out or let in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Quiesce,
    Resume,
}

#[derive(Deserialize)]
struct Done {
    /// The member as the daemon knows it.
    member: String,
    told: Vec<String>,
    told_later: Vec<String>,
}

/// What is left to wait for.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Progress {
    done: bool,
    flows: u64,
    slots: u64,
    fresh_slots: u64,
    fresh_seconds: u64,
}

pub(super) fn run(args: &Args, action: Action) -> Result<(), Failure> {
    let places = target::places();
    let instance = args.choice.find(&places)?.instance;
    let (path, past) = match action {
        Action::Quiesce => ("/quiesce", "quiesced"),
        Action::Resume => ("/resume", "resumed"),
    };
    let asked = json!({ "group": args.group, "member": args.member });
    let done: Done = client::decode(&client::post(&places, &instance, path, &asked)?)?;
    output::print(&format!(
        "{past} {} in group {} ({})\n",
        done.member,
        args.group,
        done.who_was_told()
    ))?;
    if !args.wait {
        return Ok(());
    }
    let end = args.timeout.map(|timeout| Instant::now() + timeout);
    let ask = || {
        client::decode(&client::post(
            &places,
            &instance,
            &format!("{path}/progress"),
            &asked,
        )?)
    };
    let mut screen = Screen {
        redraws: output::stdout_is_terminal(),
        shown: String::new(),
    };
    let waited = wait(action, end, ask, |line| screen.show(line));
    screen.end()?;
    let waited = waited?;
    match waited {
        None => output::print(match action {
            Action::Quiesce => "drained\n",
            Action::Resume => "active\n",
        }),
        Some(left) => Err(Failure::Failed(format!(
            "{} is not {} in time: {}; it stays {past}, wait again with the same command",
            done.member,
            match action {
                Action::Quiesce => "drained",
                Action::Resume => "active",
            },
            left.line(action)
        ))),
    }
}

/// Asks again and again, and shows what is left; returns that if the time is over.
fn wait(
    action: Action,
    end: Option<Instant>,
    ask: impl Fn() -> Result<Progress, Failure>,
    mut show: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<Option<Progress>, Failure> {
    loop {
        let progress = ask()?;
        if progress.done {
            return Ok(None);
        }
        show(&progress.line(action))?;
        let now = Instant::now();
        if end.is_some_and(|end| end <= now) {
            return Ok(Some(progress));
        }
        let left = end.map(|end| end.saturating_duration_since(now));
        std::thread::sleep(left.unwrap_or(LOOK_EVERY).min(LOOK_EVERY));
    }
}

/// One line that is written over on a terminal; elsewhere a line for each change.
struct Screen {
    redraws: bool,
    shown: String,
}

impl Screen {
    fn show(&mut self, line: &str) -> Result<(), Failure> {
        if self.shown == line {
            return Ok(());
        }
        line.clone_into(&mut self.shown);
        output::print(&match self.redraws {
            true => format!("\r\x1b[K{line}"),
            false => format!("{line}\n"),
        })
    }

    /// Takes the line away that is written over.
    fn end(&self) -> Result<(), Failure> {
        match self.redraws && !self.shown.is_empty() {
            true => output::print("\r\x1b[K"),
            false => Ok(()),
        }
    }
}

impl Done {
    fn who_was_told(&self) -> String {
        let told = (!self.told.is_empty()).then(|| format!("told {}", self.told.join(", ")));
        let later = match &self.told_later[..] {
            [] => None,
            gwms => Some(format!("not connected, told later: {}", gwms.join(", "))),
        };
        match (told, later) {
            (None, None) => "no GWM to tell".to_owned(),
            (told, later) => {
                let parts: Vec<_> = told.into_iter().chain(later).collect();
                parts.join("; ")
            }
        }
    }
}

impl Progress {
    fn line(self, action: Action) -> String {
        if action == Action::Resume {
            return "it gets no new flows yet: `sasp-ctl status` says why".to_owned();
        }
        let mut line = match self.flows {
            1 => "1 flow left".to_owned(),
            flows => format!("{flows} flows left"),
        };
        if self.slots > 0 {
            line.push_str(&format!(", new ones still come by {} slots", self.slots));
        }
        if self.fresh_slots > 0 {
            // Shown in steps, or without a terminal every second would be a line.
            line.push_str(&format!(
                ", silent ones may show up within {} ({} slots)",
                about(self.fresh_seconds),
                self.fresh_slots
            ));
        }
        line
    }
}

/// Rounded up to ten seconds, or to minutes.
fn about(seconds: u64) -> String {
    match seconds {
        0..=120 => format!("{} s", seconds.div_ceil(10) * 10),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn progress(flows: u64, fresh_slots: u64, fresh_seconds: u64) -> Progress {
        Progress {
            flows,
            fresh_slots,
            fresh_seconds,
            ..Progress::default()
        }
    }

    #[test]
    fn a_line_says_what_is_left_and_until_when() {
        for (progress, line) in [
            (progress(3, 0, 0), "3 flows left"),
            (
                progress(1, 900, 61),
                "1 flow left, silent ones may show up within 70 s (900 slots)",
            ),
            (
                progress(0, 1, 901),
                "0 flows left, silent ones may show up within 16 min (1 slots)",
            ),
        ] {
            assert_eq!(progress.line(Action::Quiesce), line);
        }
    }

    #[test]
    fn who_was_told_is_said_in_one_go() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        for (told, told_later, words) in [
            (&[][..], &[][..], "no GWM to tell"),
            (&["a", "b"], &[], "told a, b"),
            (&[], &["a"], "not connected, told later: a"),
            (&["a"], &["b"], "told a; not connected, told later: b"),
        ] {
            let done = Done {
                member: String::new(),
                told: names(told),
                told_later: names(told_later),
            };
            assert_eq!(done.who_was_told(), words);
        }
    }

    #[test]
    fn waiting_ends_when_it_is_done_or_when_the_time_is_over() {
        let asked = Cell::new(0);
        let ask = || {
            asked.set(asked.get() + 1);
            Ok(Progress {
                done: asked.get() == 2,
                ..progress(5, 0, 0)
            })
        };
        let mut shown = Vec::new();
        let mut show = |line: &str| {
            shown.push(line.to_owned());
            Ok(())
        };
        let waited = wait(Action::Quiesce, None, ask, &mut show);
        assert!(matches!(waited, Ok(None)));
        assert_eq!(asked.get(), 2);
        let over = Some(Instant::now());
        let waited = wait(Action::Quiesce, over, || Ok(progress(4, 0, 0)), show);
        let left = waited.unwrap_or_else(|_| panic!("it is asked"));
        assert_eq!(left, Some(progress(4, 0, 0)), "what remains is told");
        assert_eq!(shown, ["5 flows left", "4 flows left"]);
    }
}
