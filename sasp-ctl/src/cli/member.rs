//! `sasp-ctl member`: what a server says about itself. By flags only; there is no file to read.

mod names;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::failure::Failure;
use super::gwm_target::GwmTarget;
use super::output;
use super::runtime::block_on;
use crate::config::{duration, member_key};
use crate::member::agent;
use crate::member::check::{Check, Probe};
use crate::member::once::{self, Action};
use crate::member::{Settings, signals, state};
use crate::sasp::member::{Condition, Config};
use crate::sasp::msg::{MemberKey, Name};

// Headings in the help.
const MEMBER: &str = "Member";
const LIFE: &str = "Life";

/// Speak for a server: register it with a GWM, take it out of service, let it back in
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Stay beside the server: register it, follow its health, deregister it on SIGTERM
    ///
    /// The connection to the GWM is kept, and made again when it is lost. A balancer that has not contacted the GWM
    /// yet is waited for. An ill server is quiesced until it is healthy again; existing connections stay with it.
    /// On SIGTERM, SIGINT or SIGHUP the server is quiesced, and deregistered after the drain time. What the GWM refuses for
    /// good, such as members of a balancer that does not trust them, ends the agent with exit code 1.
    Agent(Box<AgentArgs>),
    /// Register the server, and leave it so
    Register(OnceArgs),
    /// Deregister the server
    Deregister(OnceArgs),
    /// Take the server out of service: it keeps its flows and gets no new ones
    Quiesce(SetArgs),
    /// Let a quiesced server back in
    Resume(SetArgs),
}

/// Who speaks for which server.
#[derive(clap::Args, Debug)]
struct Who {
    #[command(flatten)]
    gwm: GwmTarget,
    /// LB UID of the balancer; repeat it for several
    #[arg(long, help_heading = MEMBER, required = true, value_name = "UID", value_parser = names::uid)]
    uid: Vec<Name>,
    /// Group to be in, of every balancer; repeat it for several
    #[arg(long, help_heading = MEMBER, required = true, value_name = "GROUP", value_parser = names::group)]
    group: Vec<Name>,
    /// The server as the balancer knows it: ADDR:PORT[/tcp], ADDR:PORT/udp, ADDR:PORT/NUMBER, or ADDR alone for every
    /// port of it (a system-level member); IPv6 in brackets before a port
    #[arg(long, help_heading = MEMBER, value_name = "ADDR[:PORT[/PROTO]]", value_parser = member_key::parse)]
    address: MemberKey,
    /// Text that the GWM hands to the balancer with the server
    #[arg(
        long,
        help_heading = MEMBER,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT",
        value_parser = names::label
    )]
    label: Name,
}

#[derive(clap::Args, Debug)]
struct OnceArgs {
    #[command(flatten)]
    who: Who,
    /// Try again until it is done, by the protocol's waits of 20 s and more
    #[arg(long, help_heading = LIFE)]
    wait: bool,
}

#[derive(clap::Args, Debug)]
struct SetArgs {
    #[command(flatten)]
    once: OnceArgs,
    /// Opaque state byte for the balancer, which goes with every change: 0 to 255, or 0x00 to 0xff
    #[arg(long, help_heading = MEMBER, default_value = "0", value_name = "BYTE", value_parser = state::parse)]
    state: u8,
}

#[derive(clap::Args, Debug)]
struct AgentArgs {
    #[command(flatten)]
    who: Who,
    /// Opaque state byte for the balancer: 0 to 255, or 0x00 to 0xff
    #[arg(long, help_heading = MEMBER, default_value = "0", value_name = "BYTE", value_parser = state::parse)]
    state: u8,
    /// File with the state byte, read at every check; without a byte in it the state stays as it is
    #[arg(long, help_heading = MEMBER, value_name = "FILE")]
    state_file: Option<PathBuf>,
    /// How long the server stays quiesced after SIGTERM or SIGINT before it is deregistered; a second signal ends it
    #[arg(long, help_heading = LIFE, default_value = "30s", value_name = "TIME", value_parser = duration::parse)]
    drain: Duration,
    /// How often the registration is repeated, in case that the GWM has forgotten it
    #[arg(long, help_heading = LIFE, default_value = "60s", value_name = "TIME", value_parser = pause)]
    refresh: Duration,
    #[command(flatten)]
    check: CheckArgs,
}

/// Is the server healthy? One that is not is quiesced.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Check")]
struct CheckArgs {
    /// Command for /bin/sh -c; exit code 0 means healthy. It gets no input, its output is thrown away
    #[arg(long, value_name = "COMMAND", conflicts_with = "check_http")]
    check_command: Option<String>,
    /// URL to get; 2xx and 3xx mean healthy
    #[arg(long, value_name = "URL", value_parser = Probe::http)]
    check_http: Option<Probe>,
    /// Pause between two checks, and between two looks at the state file
    #[arg(long, default_value = "5s", value_name = "TIME", value_parser = pause)]
    check_interval: Duration,
    /// A check that takes longer has failed, and its processes are killed
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = pause)]
    check_timeout: Duration,
    /// So many successes in a row let an ill server back in; the first check of all counts alone
    #[arg(long, default_value = "2", value_name = "COUNT", value_parser = count)]
    rise: NonZeroU32,
    /// So many failures in a row quiesce a healthy server
    #[arg(long, default_value = "3", value_name = "COUNT", value_parser = count)]
    fall: NonZeroU32,
    /// Register only once the check has succeeded, not quiesced before that
    #[arg(long)]
    register_after_success: bool,
}

/// A duration that a loop may pause for.
fn pause(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        Duration::ZERO => Err(format!("{text:?} is no pause: write at least 1ms")),
        pause => Ok(pause),
    }
}

/// How many results in a row it takes.
fn count(text: &str) -> Result<NonZeroU32, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is no count: write a whole number from 1"))
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    match args.command {
        None => Err(Failure::Usage(
            "no command given: use one of agent, register, deregister, quiesce, resume (`sasp-ctl member --help` \
             explains them)"
                .to_owned(),
        )),
        Some(Command::Agent(args)) => stay(*args),
        Some(Command::Register(args)) => say(args, Action::Register),
        Some(Command::Deregister(args)) => say(args, Action::Deregister),
        Some(Command::Quiesce(args)) => set(args, true),
        Some(Command::Resume(args)) => set(args, false),
    }
}

fn set(args: SetArgs, quiesced: bool) -> Result<(), Failure> {
    let state = args.state;
    say(args.once, Action::Set(Condition { quiesced, state }))
}

fn say(args: OnceArgs, action: Action) -> Result<(), Failure> {
    let settings = args.who.settings()?;
    let said = block_on(once::run(settings, action, args.wait, output::print))?;
    said.map_err(|error| match error {
        once::Error::Failed(line) => Failure::Failed(line),
        once::Error::Output(failure) => failure,
    })
}

fn stay(args: AgentArgs) -> Result<(), Failure> {
    let mut settings = args.who.settings()?;
    settings.member.refresh = Some(args.refresh);
    let check = args.check;
    let (interval, after_success) = (check.check_interval, check.register_after_success);
    let options = agent::Options {
        check: check.check(),
        after_success,
        state: args.state,
        state_file: args.state_file,
        interval,
        drain: args.drain,
    };
    if after_success && options.check.is_none() {
        return Err(Failure::Usage(
            "--register-after-success: there is no check that could succeed: add --check-command or --check-http"
                .to_owned(),
        ));
    }
    block_on(async {
        let stops = signals::stops()
            .map_err(|error| Failure::Failed(format!("cannot receive signals: {error}")))?;
        let ended = agent::run(settings, options, stops).await;
        ended.map_err(Failure::failed)
    })?
}

impl Who {
    fn settings(self) -> Result<Settings, Failure> {
        let target = self.gwm.target()?;
        let member = Config {
            label: self.label,
            ..Config::new(self.uid, self.group, self.address)
        };
        names::check_number(&member).map_err(Failure::Usage)?;
        Ok(Settings { target, member })
    }
}

impl CheckArgs {
    fn check(self) -> Option<Check> {
        let probe = self
            .check_http
            .or_else(|| self.check_command.map(Probe::Command))?;
        Some(Check {
            probe,
            interval: self.check_interval,
            timeout: self.check_timeout,
            rise: self.rise,
            fall: self.fall,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_results_is_a_whole_number_from_1() {
        assert_eq!(count("2"), Ok(NonZeroU32::MIN.saturating_add(1)));
        for text in ["0", "-1", "1.5", "", "4294967296"] {
            assert!(count(text).unwrap_err().contains("is no count"), "{text}");
        }
    }
}
