//! `sasp-ctl quiesce` and `sasp-ctl resume`: takes a member out of service, or lets it back in.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::failure::Failure;
use super::target::{self, Choice};
use super::{client, output};
use crate::datapath::{Instance, Places};

/// How often `--wait` looks: the daemon's own look at the flows is rarer.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is asked of a member.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The member's SASP group
    group: String,
    /// The member, as `status` shows it
    #[arg(value_name = "ADDR:PORT")]
    member: String,
    /// Wait until no flow is left at the member (quiesce) or until it gets flows again (resume)
    #[arg(long)]
    wait: bool,
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
}

#[derive(Deserialize)]
struct Progress {
    done: bool,
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
    output::print(&format!("{past} {} in group {}\n", done.member, args.group))?;
    if args.wait {
        wait(&places, &instance, path, &asked)?;
        output::print(match action {
            Action::Quiesce => "drained\n",
            Action::Resume => "active\n",
        })?;
    }
    Ok(())
}

fn wait(
    places: &Places,
    instance: &Instance,
    path: &str,
    asked: &serde_json::Value,
) -> Result<(), Failure> {
    let path = format!("{path}/progress");
    loop {
        let progress: Progress = client::decode(&client::post(places, instance, &path, asked)?)?;
        if progress.done {
            return Ok(());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}
