//! `sasp-ctl status`: what the balancer does and why, as a table or as the daemon's own JSON.
//!
//! Without a daemon the data path still forwards: `status` then says what is attached, on standard output, and ends
//! with exit code 1.

mod columns;
mod gwms;
mod table;
mod view;

use std::time::Duration;

use serde_json::json;

use super::failure::Failure;
use super::target::{self, Choice};
use super::{client, output};
use crate::datapath::{Pinned, Places};
use view::Status;

const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Clears the screen and puts the cursor in its corner.
const HOME: &str = "\x1b[H\x1b[2J";

/// Show services, members, weights, shares and counters
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Print one JSON object with stable names
    #[arg(long)]
    json: bool,
    /// Show it again every second
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    choice: Choice,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let places = target::places();
    loop {
        let text = text(args, &places)?;
        if args.watch && !args.json && output::stdout_is_terminal() {
            output::print(HOME)?;
        }
        output::print(&text)?;
        if !args.watch {
            return Ok(());
        }
        std::thread::sleep(WATCH_EVERY);
    }
}

fn text(args: &Args, places: &Places) -> Result<String, Failure> {
    let balancer = args.choice.find(places)?;
    if balancer.pid.is_none() {
        output::print(&without_daemon(&balancer, args.json))?;
        return Err(Failure::Failed(format!(
            "the daemon of instance {} is not running: start `sasp-ctl attach` again, it goes on with what is there",
            balancer.instance
        )));
    }
    let body = client::get(places, &balancer.instance, "/status")?;
    if args.json {
        return Ok(format!("{}\n", String::from_utf8_lossy(&body)));
    }
    let status: Status = serde_json::from_slice(&body).map_err(|error| {
        Failure::Failed(format!(
            "the daemon's status makes no sense ({error}): is it of another version?"
        ))
    })?;
    Ok(table::render(&status, output::stdout_has_colours()))
}

fn without_daemon(balancer: &Pinned, as_json: bool) -> String {
    if as_json {
        let interfaces: Vec<_> = balancer
            .interfaces
            .iter()
            .map(|name| json!({ "name": name }))
            .collect();
        let status = json!({
            "instance": balancer.instance.as_str(),
            "daemon": "not running",
            "interfaces": interfaces,
        });
        return format!("{status}\n");
    }
    let interfaces = match balancer.interfaces.join(", ") {
        none if none.is_empty() => "interfaces none: nothing is forwarded".to_owned(),
        interfaces if balancer.runs => {
            format!("interfaces {interfaces}: packets are forwarded by the last tables")
        }
        gone => format!("interfaces {gone}: gone, nothing is forwarded"),
    };
    format!(
        "instance {}  daemon: not running\n{interfaces}\n",
        balancer.instance
    )
}
