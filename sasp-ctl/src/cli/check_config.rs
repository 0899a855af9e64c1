//! `sasp-ctl check-config`: is a file good, and what does it say?

mod gwm;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use super::output;
use crate::balance::spec::ServiceSpec;
use crate::config::{self, Combine, Config, Flags, endpoint};

/// Check a configuration file and print what it says
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Of a GWM, not of a balancer
    #[arg(long)]
    gwm: bool,
    /// The file to check [default: /etc/sasp-ctl.toml, with --gwm /etc/sasp-gwm.toml]
    file: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let default = match args.gwm {
        false => config::DEFAULT_PATH,
        true => config::DEFAULT_GWM_PATH,
    };
    let path = args.file.as_deref().unwrap_or(Path::new(default));
    output::print(&match args.gwm {
        false => summary(path, &config::load(Some(path), &Flags::default())?),
        true => gwm::summary(path, &crate::gwm::config::load(path)?),
    })
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
    gwms(&mut text, config);
    for service in &config.services {
        line(
            &mut text,
            format_args!(
                "service {} of group {}, {}",
                endpoint::format_vip(service.vip, service.protocol),
                service.group,
                members(service)
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

fn gwms(text: &mut String, config: &Config) {
    for gwm in &config.gwms {
        line(
            text,
            format_args!(
                "GWM {}, {}, last weights {}",
                gwm.address,
                if gwm.push { "push" } else { "pull" },
                held(gwm.hold)
            ),
        );
    }
    let balancer = &config.balancer;
    match (config.gwms.len(), balancer.combine) {
        (0, _) => line(text, format_args!("no GWM: static weights stand")),
        (1, _) => {}
        (_, Combine::FailOver) => line(
            text,
            format_args!(
                "the first GWM that is well is in charge, a preferred one again after {:?}",
                balancer.fail_back
            ),
        ),
        (_, combine) => line(
            text,
            format_args!("weights are the {} of all GWMs", combine.name()),
        ),
    }
}

fn held(hold: Duration) -> String {
    match hold.is_zero() {
        true => "not held".to_owned(),
        false => format!("held for {hold:?}"),
    }
}

fn members(service: &ServiceSpec) -> String {
    let configured = match service.members.len() {
        1 => "1 member".to_owned(),
        count => format!("{count} members"),
    };
    match &service.self_registered[..] {
        [] => configured,
        networks => {
            let networks: Vec<_> = networks.iter().map(ToString::to_string).collect();
            format!(
                "{configured}, self-registered ones from {}",
                networks.join(", ")
            )
        }
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
            trust = true
            [[gwm]]
            address = "h"
            [[service]]
            group = "F"
            vip = "203.0.113.10:80/tcp"
            members = [ { address = "10.0.0.1:80" } ]
            self_registered = ["10.0.0.0/8"]
            "#,
        );
        for line in [
            "GWM g:3860, push, last weights not held",
            "GWM h:3860, push, last weights held for 120s",
            "the first GWM that is well is in charge, a preferred one again after 300s",
            "service 203.0.113.10:80/tcp of group F, 1 member, self-registered ones from 10.0.0.0/8",
        ] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }
}
