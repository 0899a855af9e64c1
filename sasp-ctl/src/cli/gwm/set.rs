//! `sasp-ctl gwm set`, `quiesce` and `resume`: says something else of a member than the GWM's rules do.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::target::Choice;
use crate::cli::failure::Failure;
use crate::cli::{client, output};

/// Give a member a weight, whatever the GWM's rules say, until it is given back with `auto`
#[derive(clap::Args, Debug)]
pub(super) struct SetArgs {
    #[command(flatten)]
    member: MemberArgs,
    /// 0 to 65535, or `auto`: what the rules say
    #[arg(value_parser = weight, value_name = "WEIGHT|auto")]
    weight: Weight,
    #[command(flatten)]
    choice: Choice,
}

/// What is asked of a member.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    #[command(flatten)]
    member: MemberArgs,
    #[command(flatten)]
    choice: Choice,
}

#[derive(clap::Args, Debug)]
struct MemberArgs {
    /// The member's group
    group: String,
    /// The member, as `gwm status` shows it
    #[arg(value_name = "ADDR:PORT")]
    member: String,
    /// Only in this balancer's group
    #[arg(long, value_name = "UID")]
    uid: Option<String>,
    /// Print one JSON object with stable names
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Weight {
    Auto,
    Is(u16),
}

/// What the GWM answers.
#[derive(Deserialize)]
struct Outcome {
    member: String,
    overridden: Option<Overridden>,
    said: Vec<Said>,
    notes: Vec<String>,
}

#[derive(Deserialize)]
struct Overridden {
    weight: Option<u16>,
    quiesced: bool,
}

#[derive(Deserialize)]
struct Said {
    uid: String,
    weight: u16,
    contact: bool,
    confident: bool,
    quiesced: bool,
}

pub(super) fn set(args: &SetArgs) -> Result<(), Failure> {
    match args.weight {
        Weight::Auto => ask(&args.member, &args.choice, "/auto", None),
        Weight::Is(weight) => ask(&args.member, &args.choice, "/set", Some(weight)),
    }
}

pub(super) fn quiesce(args: &Args) -> Result<(), Failure> {
    ask(&args.member, &args.choice, "/quiesce", None)
}

pub(super) fn resume(args: &Args) -> Result<(), Failure> {
    ask(&args.member, &args.choice, "/resume", None)
}

fn ask(
    member: &MemberArgs,
    choice: &Choice,
    path: &str,
    weight: Option<u16>,
) -> Result<(), Failure> {
    let mut asked = json!({ "group": member.group, "member": member.member });
    let extra = [
        ("uid", member.uid.clone().map(Value::from)),
        ("weight", weight.map(Value::from)),
    ];
    for (key, value) in extra {
        if let Some(value) = value {
            asked[key] = value;
        }
    }
    let answer = choice.server()?.post(path, &asked)?;
    if member.json {
        return output::print(&format!("{}\n", String::from_utf8_lossy(&answer)));
    }
    let outcome: Outcome = client::decode(&answer)?;
    output::print(&render(&outcome, &member.group))
}

/// What is overridden now; then what balancers are told, one line for what all are told alike.
fn render(outcome: &Outcome, group: &str) -> String {
    let mut text = format!(
        "{} in group {group}: {}\n",
        outcome.member,
        by_hand(outcome.overridden.as_ref())
    );
    let mut told: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for said in &outcome.said {
        told.entry(words(said)).or_default().push(&said.uid);
    }
    for (words, uids) in told {
        text.push_str(&match uids.as_slice() {
            [one] => format!("  balancer {one} is told: {words}\n"),
            many => format!("  balancers {} are told: {words}\n", many.join(", ")),
        });
    }
    for note in &outcome.notes {
        text.push_str(&format!("  note: {note}\n"));
    }
    text
}

fn by_hand(overridden: Option<&Overridden>) -> String {
    let Some(overridden) = overridden else {
        return "nothing is overridden, the rules count".to_owned();
    };
    let weight = overridden.weight.map(|weight| format!("weight {weight}"));
    let quiesced = overridden.quiesced.then(|| "quiesced".to_owned());
    let words: Vec<_> = weight.into_iter().chain(quiesced).collect();
    format!("overridden: {}", words.join(", "))
}

fn words(said: &Said) -> String {
    let mut words = vec![format!("weight {}", said.weight)];
    for (is, word) in [
        (said.quiesced, "quiesced"),
        (!said.contact, "no contact"),
        (!said.confident, "not confident"),
    ] {
        if is {
            words.push(word.to_owned());
        }
    }
    words.join(", ")
}

fn weight(text: &str) -> Result<Weight, String> {
    match text {
        "auto" => Ok(Weight::Auto),
        number => match number.parse() {
            Ok(number) => Ok(Weight::Is(number)),
            Err(_) => Err("a weight is 0 to 65535, or `auto`".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests;
