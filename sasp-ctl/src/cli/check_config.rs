//! `sasp-ctl check-config`: is a file good, and what does it say?

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

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
    line(&mut text, format_args!("LB UID {}", config.balancer.uid));
    match &config.gwm {
        Some(gwm) => line(
            &mut text,
            format_args!(
                "GWM {}, {}, last weights held for {:?}",
                gwm.address,
                if gwm.push { "push" } else { "pull" },
                gwm.hold
            ),
        ),
        None => line(&mut text, format_args!("no GWM: static weights stand")),
    }
    for service in &config.services {
        line(
            &mut text,
            format_args!(
                "service {} of group {}, {} members",
                endpoint::format_vip(service.vip, service.protocol),
                service.group,
                service.members.len()
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

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").unwrap_or_else(|_| unreachable!("a String takes everything"));
}
