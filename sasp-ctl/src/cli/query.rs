//! `sasp-ctl query`: asks a GWM for weights as a balancer would, without getting into the way of one.
//!
//! Any request that succeeds binds the connection to its LB UID and throws out the balancer that is connected under it
//! (RFC 4678 sections 7.1.2 and 9.1), and no request tells whether there is one. So `query` first sends a request that
//! must fail: Get Weights for one made-up group, named twice. A GWM that checks the UID first answers 0x43 if it does
//! not know the UID, then nobody is connected under it; any other code means that somebody may be, and `query` stops
//! there, unless it is told to take over. A refused request binds nothing in our own GWM; the RFC leaves that to each.
//!
//! To ask without disturbing anybody, `query` can be a balancer itself: under a UID of its own it registers members,
//! asks, and deregisters them. If it has made up the UID, nobody else has it, and there is no need to probe.

mod advice;
mod asker;
mod output;
mod plan;
mod visit;

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use super::gwm_target::GwmTarget;
use super::runtime::block_on;
use crate::config::duration;
use crate::session::{Stream, Target, dial};
use asker::Asker;
use output::Output;
use plan::Plan;
use visit::Visit;

/// Ask a GWM for weights as a balancer would
///
/// It refuses to ask under an LB UID that the GWM knows, because that cuts off the balancer connected under it, unless
/// --take-over is given. With --member it is a balancer of its own: it registers the members under a new LB UID, asks,
/// and deregisters them.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Groups to ask for [default: all]
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,
    /// LB UID to ask as [default with --member: a random one]
    #[arg(long, value_name = "UID", required_unless_present = "members")]
    uid: Option<String>,
    /// Register this member before asking and deregister it afterwards
    #[arg(long = "member", value_name = "GROUP=ADDR:PORT[/PROTO]")]
    members: Vec<String>,
    /// Let the GWM find out about the members for so long before asking
    #[arg(long, value_name = "TIME", requires = "members", value_parser = duration::parse)]
    settle: Option<Duration>,
    /// Ask even if a balancer may be connected under the LB UID: it is cut off and must connect again
    #[arg(long)]
    take_over: bool,
    /// Then ask for pushes, and show each for so many seconds; with --member or --take-over only. Under a UID that is
    /// taken over, this replaces what its balancer has asked for, until that connects again
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    push: Option<u32>,
    /// How long to wait for the connection and for each reply
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration::parse)]
    timeout: Duration,
    /// Print one JSON object with stable names
    #[arg(long)]
    json: bool,
    /// Print the messages in hex, too, as `sasp-ctl decode` reads them
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    gwm: GwmTarget,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let plan = Plan::of(args)?;
    let target = args.gwm.target()?;
    block_on(query(&plan, &target, args))?
}

async fn query(plan: &Plan, target: &Target, args: &Args) -> Result<(), Failure> {
    let stream = connect(target, args.timeout).await?;
    let is_plain = matches!(stream, Stream::Plain(_));
    let asker = Asker::new(stream, target.to_string(), is_plain, args.timeout, args.raw);
    let output = Output::new(target.to_string(), plan, args.json);
    let mut visit = Visit::new(plan, asker, output);
    let done = tokio::select! {
        done = visit.run() => done,
        interrupted = interrupted() => Err(interrupted),
    };
    let cleaned_up = tokio::select! {
        cleaned_up = visit.clean_up() => cleaned_up,
        interrupted = interrupted() => Err(interrupted),
    };
    visit.finish(done, cleaned_up).await
}

async fn connect(target: &Target, timeout: Duration) -> Result<Stream, Failure> {
    match tokio::time::timeout(timeout, dial(target)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Failure::Failed(format!(
            "cannot connect to the GWM: {error}"
        ))),
        Err(_) => Err(Failure::Failed(format!(
            "cannot connect to the GWM: {target} does not answer within {timeout:?} (--timeout gives it longer)"
        ))),
    }
}

/// Resolves when the user has had enough.
async fn interrupted() -> Failure {
    let caught = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        // The terminal was closed: what was registered must be undone then, too.
        signal(SignalKind::hangup()),
    );
    let (mut interrupt, mut terminate, mut hangup) = match caught {
        (Ok(interrupt), Ok(terminate), Ok(hangup)) => (interrupt, terminate, hangup),
        (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
            return Failure::Failed(format!("cannot watch for signals: {error}"));
        }
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
    Failure::Failed("interrupted".to_owned())
}
