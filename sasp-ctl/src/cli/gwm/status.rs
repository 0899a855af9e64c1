//! `sasp-ctl gwm status`: balancers, groups, members and what they weigh, as tables or as the GWM's own JSON.

use super::table;
use super::target::Choice;
use super::view::Status;
use crate::cli::failure::Failure;
use crate::cli::{client, output};

/// Show balancers, groups, members and what they weigh
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Print one JSON object with stable names
    #[arg(long)]
    json: bool,
    /// Show it again every second
    #[arg(long)]
    watch: bool,
    /// Only this balancer
    #[arg(long, value_name = "UID")]
    uid: Option<String>,
    /// Only groups of this name
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    #[command(flatten)]
    choice: Choice,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    output::show(args.watch, !args.json, || text(args))
}

fn text(args: &Args) -> Result<String, Failure> {
    let body = args.choice.server()?.get(&path(args))?;
    if args.json {
        return Ok(format!("{}\n", String::from_utf8_lossy(&body)));
    }
    let status: Status = client::decode(&body)?;
    Ok(table::render(&status, output::stdout_has_colours()))
}

fn path(args: &Args) -> String {
    let asked = [("uid", &args.uid), ("group", &args.group)];
    let asked: Vec<_> = asked
        .into_iter()
        .filter_map(|(key, value)| Some(format!("{key}={}", escaped(value.as_deref()?))))
        .collect();
    match asked.is_empty() {
        true => "/status".to_owned(),
        false => format!("/status?{}", asked.join("&")),
    }
}

/// As a part of a URL's query.
fn escaped(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_survive_a_url() {
        assert_eq!(escaped("FARM-1.a_b~"), "FARM-1.a_b~");
        assert_eq!(escaped("a b&c=d/é%"), "a%20b%26c%3Dd%2F%C3%A9%25");
    }
}
