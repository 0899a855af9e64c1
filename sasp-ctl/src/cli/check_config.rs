//! `sasp-ctl check-config`: is a file good, and what does it say?

mod gwm;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::failure::Failure;
use super::output;
use super::runtime::block_on;
use crate::balance::spec::{MemberSpec, ServiceSpec};
use crate::config::{self, Combine, Config, Flags, endpoint};
use crate::daemon::outlook;
use crate::datapath::{self, Memory, nexthop};

/// Check a configuration file and print what it says
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Of a GWM, not of a balancer
    #[arg(long)]
    gwm: bool,
    /// Leave this host's routes and settings out: the file is another host's
    #[arg(long, conflicts_with = "gwm")]
    offline: bool,
    /// An interface that `attach` is to be given; members that others lead to are told [default: whichever they need]
    #[arg(long = "interface", value_name = "IFACE", conflicts_with_all = ["gwm", "offline"])]
    interfaces: Vec<String>,
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
        false => {
            let config = config::load(Some(path), &Flags::default())?;
            let seen = match args.offline {
                false => block_on(outlook::look(&config, attached(&args.interfaces)?))?,
                true => Vec::new(),
            };
            summary(path, &config, &seen, cpus()?)
        }
        true => gwm::summary(path, &crate::gwm::config::load(path)?),
    })
}

/// The interfaces that members may be reached by, by index; `None`: any.
fn attached(names: &[String]) -> Result<Option<BTreeSet<u32>>, Failure> {
    if names.is_empty() {
        return Ok(None);
    }
    let index = |name: &String| {
        nexthop::index_of(name).ok_or_else(|| {
            Failure::Failed(format!("there is no interface {name:?}: see `ip link`"))
        })
    };
    names.iter().map(index).collect::<Result<_, _>>().map(Some)
}

/// That the host may have: maps hold a value for each of them.
fn cpus() -> Result<usize, Failure> {
    datapath::possible_cpus()
        .map_err(|why| Failure::Failed(format!("how many CPUs there may be is unknown: {why}")))
}

/// `seen` is what this host has to say of it.
fn summary(path: &Path, config: &Config, seen: &[String], cpus: usize) -> String {
    let mut text = format!("{}: good\n", path.display());
    for warning in config.warnings.iter().chain(seen) {
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
                "service {} of group {} by {}, {}",
                endpoint::format_vip(service.vip, service.protocol),
                service.group,
                service.forward.name(),
                members(service)
            ),
        );
        for member in &service.members {
            line(
                &mut text,
                format_args!("  {}", self::member(member, service)),
            );
        }
    }
    kernel(&mut text, config, cpus);
    text
}

/// What the packet path is given.
fn kernel(text: &mut String, config: &Config, cpus: usize) {
    if config.balancer.hash_seed.is_none() {
        let note = "hash_seed: random (set it to share tables with a twin)";
        line(text, format_args!("{note}"));
    }
    let services = &config.services;
    let rules = services.iter().map(|service| {
        let rules = &service.sources;
        rules.allow.len() + rules.deny.len()
    });
    let limits = &config.balancer.limits;
    let memory = datapath::memory(limits, services.len(), rules.sum(), cpus);
    line(
        text,
        format_args!("{}", told(&memory, config.globals.pool.is_some())),
    );
}

fn told(memory: &Memory, translates: bool) -> String {
    const MIB: f64 = (1 << 20) as f64;
    let mib = |bytes: u64| bytes as f64 / MIB;
    let mut text = format!(
        "memory: {:.1} MiB (flows {:.1}, tables {:.1}, others {:.1})",
        mib(memory.taken()),
        mib(memory.flows),
        mib(memory.tables),
        mib(memory.others)
    );
    if translates {
        let most = format!(
            ", up to {:.1} MiB more for translations",
            mib(memory.translations)
        );
        text.push_str(&most);
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

fn member(member: &MemberSpec, service: &ServiceSpec) -> String {
    let mut text = format!("{} static weight {}", member.key, member.weight);
    if member.forward != service.forward {
        text.push_str(&format!(", by {}", member.forward.name()));
    }
    text
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
            summary(path, &config, &[], 2)
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
            "service 203.0.113.10:80/tcp of group F by dsr, 1 member, self-registered ones from 10.0.0.0/8",
        ] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
    }

    #[test]
    fn modes_the_seed_and_the_maps_memory_are_told() {
        let path = Path::new("edge.toml");
        let told = |balancer: &str| {
            let text = format!(
                r#"
                [balancer]
                uid = "u"
                {balancer}
                [[service]]
                group = "F"
                vip = "203.0.113.10"
                forward = "ipip"
                members = [ {{ address = "10.0.0.1" }}, {{ address = "2001:db8::1", forward = "gre" }} ]
                "#
            );
            let config = config::from_text(path, text, &Flags::default()).unwrap();
            summary(path, &config, &[], 2)
        };
        let text = told("");
        for line in [
            "service 203.0.113.10 of group F by ipip, 2 members",
            "  10.0.0.1 static weight 1",
            "  2001:db8::1 static weight 1, by gre",
            "hash_seed: random (set it to share tables with a twin)",
        ] {
            assert!(text.lines().any(|found| found == line), "{text}");
        }
        let memory = text.lines().last().unwrap();
        assert!(
            memory.starts_with("memory: ") && memory.contains("(flows 13.5, tables 0.2, "),
            "{memory}"
        );
        assert!(!text.contains("translations"), "{text}");
        let text = told("hash_seed = 7\nfull_nat.addresses = ['10.9.9.9']");
        assert!(!text.contains("hash_seed"), "{text}");
        assert!(text.contains("MiB more for translations"), "{text}");
    }
}
