//! `sasp-ctl status`: what the balancer does and why, as a table or as the daemon's own JSON.
//!
//! Without a daemon the data path still forwards: `status` then says what is attached, on standard output, and ends
//! with exit code 1.

mod gwms;
mod table;
mod view;

use serde_json::json;

use super::failure::Failure;
use super::target::{self, Choice};
use super::{client, output};
use crate::datapath::{Pinned, Places};
use view::Status;

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
    output::show(args.watch, !args.json, || text(args, &places))
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
    let status: Status = client::decode(&body)?;
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
