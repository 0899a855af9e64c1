//! `cargo xtask bench --peers`: the balancer beside others that do its work, in network namespaces.
//!
//! One core does everything: clients, box and members are bound to it by affinity, and with the processes their packets,
//! since a veth handles what it receives on the core of the sender. So a figure stands for the work of all of them
//! together, and none waits for another core to wake up; what the box adds shows against a box that does nothing, or
//! none. Everybody is measured in every round, one after the other, each in namespaces of its own: ports in TIME_WAIT
//! and tracked connections are nobody else's.
//!
//! Printed and drawn are medians of the rounds; a ratio is the median of the ratios within a round, since the machine
//! changes its mind between rounds. Nothing is asserted, but whoever does not work fails the whole.
//!
//! * `contenders`: who is compared. `edge`: how each is started.
//! * `wire`, `generator`: packets per second. `http`, `wrk`: requests and connections per second.
//! * `figures`: medians and the table. `chart`: the picture.

mod chart;
mod contenders;
mod edge;
mod figures;
mod generator;
mod http;
mod wire;
mod wrk;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ::tests::object;
use anyhow::{Context as _, Result};

use self::contenders::Contender;
use self::figures::{Panel, Rounds};

/// How it is run.
#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Compare with a bare forwarder, nftables, HAProxy and nginx instead (some minutes)
    #[arg(long, conflicts_with = "parts")]
    pub(crate) peers: bool,
    /// Short and inexact: to see that it works
    #[arg(long, requires = "peers")]
    quick: bool,
    /// Where the chart goes [default: bench-peers.svg in the target directory]
    #[arg(long, requires = "peers", value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// How long and how often.
struct Plan {
    rounds: usize,
    /// Of packets.
    packets: Duration,
    /// Of wrk, which knows whole seconds only.
    seconds: u64,
}

const THOROUGH: Plan = Plan {
    rounds: 7,
    packets: Duration::from_secs(1),
    seconds: 3,
};
const QUICK: Plan = Plan {
    rounds: 1,
    packets: Duration::from_millis(100),
    seconds: 1,
};

pub(crate) fn run(options: &Options) -> Result<()> {
    let plan = if options.quick { QUICK } else { THOROUGH };
    crate::bind_to_one_cpu()?;
    let [packets] = compare(contenders::PACKETS, &plan, |contender| {
        Ok([wire::measure(contender, plan.packets)?])
    })?;
    let [requests, connections] = compare(contenders::HTTP, &plan, |contender| {
        http::measure(contender, plan.seconds)
    })?;
    let panels = [
        packets.panel("Forwarded packets per second (64 bytes, UDP)"),
        requests.panel("HTTP requests per second, connections kept open"),
        connections.panel("New connections per second, one HTTP request each"),
    ];
    for panel in &panels {
        println!("{panel}");
    }
    let path = match &options.svg {
        Some(path) => path.clone(),
        None => object::target_directory().join("bench-peers.svg"),
    };
    draw(&path, &panels)?;
    println!("chart: {}", path.display());
    Ok(())
}

/// Every contender once a round; one answer for each of the `N` figures of `measure`.
fn compare<const N: usize>(
    contenders: &[Contender],
    plan: &Plan,
    mut measure: impl FnMut(&Contender) -> Result<[f64; N]>,
) -> Result<[Rounds; N]> {
    let mut all: [Rounds; N] = std::array::from_fn(|_| Rounds::new(contenders));
    for round in 1..=plan.rounds {
        for contender in contenders {
            eprintln!("round {round} of {}: {}", plan.rounds, contender.name);
            let figures = measure(contender).with_context(|| contender.name)?;
            for (rounds, figure) in all.iter_mut().zip(figures) {
                rounds.add(figure);
            }
        }
    }
    Ok(all)
}

fn draw(path: &Path, panels: &[Panel]) -> Result<()> {
    svg::save(path, &chart::draw(panels))
        .with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn whoever_fails_is_named_and_fails_the_whole() {
        let result = compare::<1>(contenders::HTTP, &QUICK, |contender| {
            if contender.kind == contenders::Kind::Haproxy {
                bail!("no such program");
            }
            Ok([1.0])
        });
        let error = format!("{:#}", result.err().unwrap());
        assert_eq!(error, "HAProxy, TCP mode: no such program");
    }
}
