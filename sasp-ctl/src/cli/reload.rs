//! `sasp-ctl reload`: the daemon reads its configuration again.

use serde_json::json;

use super::failure::Failure;
use super::target::{self, Choice};
use super::{client, output};

/// Read the configuration again; a bad one changes nothing
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    choice: Choice,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let places = target::places();
    let balancer = args.choice.find(&places)?;
    client::post(&places, &balancer.instance, "/reload", &json!({}))?;
    output::print("reloaded\n")
}
