//! `sasp-ctl reload`: the daemon reads its configuration again.

use serde::Deserialize;
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

#[derive(Deserialize)]
struct Reloaded {
    /// A daemon of before they were answered has them in its log alone.
    #[serde(default)]
    warnings: Vec<String>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let places = target::places();
    let balancer = args.choice.find(&places)?;
    let answer = client::post(&places, &balancer.instance, "/reload", &json!({}))?;
    let reloaded: Reloaded = client::decode(&answer)?;
    for warning in &reloaded.warnings {
        output::warn(warning);
    }
    output::print("reloaded\n")
}
