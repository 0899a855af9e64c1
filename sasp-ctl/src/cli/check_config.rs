//! `sasp-ctl check-config`: is a file good, and what does it say?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use super::output;
use crate::config::{self, Config, Flags, endpoint};

/// Check a configuration file and print what it says
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// The file to check
    #[arg(default_value = config::DEFAULT_PATH)]
    file: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let config = config::load(Some(&args.file), &Flags::default())?;
    output::print(&summary(&args.file, &config))
}

fn summary(path: &Path, config: &Config) -> String {
    let mut text = format!("{}: good\n", path.display());
    for warning in &config.warnings {
        line(&mut text, format_args!("warning: {warning}"));
    }
    if config.services.is_empty() {
        let note = "warning: no [[service]] is listed: there is nothing to balance";
        line(&mut text, format_args!("{note}"));
    }
    line(&mut text, format_args!("LB UID {}", config.balancer.uid));
    match &config.gwm {
        Some(gwm) => line(
            &mut text,
            format_args!(
                "GWM {}, {}, last weights {}",
                gwm.address,
                if gwm.push { "push" } else { "pull" },
                held(gwm.hold)
            ),
        ),
        None => line(&mut text, format_args!("no GWM: static weights stand")),
    }
    for service in &config.services {
        line(
            &mut text,
            format_args!(
                "service {} of group {}, {}",
                endpoint::format_vip(service.vip, service.protocol),
                service.group,
                members(service.members.len())
            ),
        );
        for member in &service.members {
            line(
                &mut text,
                format_args!("  {} static weight {}", member.key, member.weight),
            );
        }
    }
    text
}

fn held(hold: Duration) -> String {
    match hold.is_zero() {
        true => "not held".to_owned(),
        false => format!("held for {hold:?}"),
    }
}

fn members(count: usize) -> String {
    match count {
        1 => "1 member".to_owned(),
        _ => format!("{count} members"),
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").unwrap_or_else(|_| unreachable!("a String takes everything"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_counts_in_words_and_warns_of_a_file_without_services() {
        let path = Path::new("edge.toml");
        let told = |text: &str| {
            let config = config::from_text(path, text.to_owned(), &Flags::default()).unwrap();
            summary(path, &config)
        };
        let empty = told("balancer.uid = 'u'");
        assert!(empty.contains("warning: no [[service]]"), "{empty}");
        let text = told(
            r#"
            balancer.uid = "u"
            [[gwm]]
            address = "g"
            hold = "0s"
            [[service]]
            group = "F"
            vip = "203.0.113.10:80/tcp"
            members = [ { address = "10.0.0.1:80" } ]
            "#,
        );
        for line in [
            "GWM g:3860, push, last weights not held",
            "service 203.0.113.10:80/tcp of group F, 1 member",
        ] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }
}
