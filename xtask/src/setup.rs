//! `cargo xtask setup`: from "has cargo and a C compiler" to "builds and tests".
//!
//! It installs what is missing and nothing twice, through the distribution's packages and
//! `cargo install` only. It changes no file of the machine itself and starts no service.
//!
//! * [`requirements`]: the table of what is needed
//! * [`machine`]: looking at this machine and running commands on it
//! * [`packages`]: the distribution's packages

mod machine;
mod packages;
mod requirements;
#[cfg(test)]
mod tests;

use std::time::Instant;

use anyhow::{Error, Result, anyhow, bail};

use self::{
    machine::{Machine, ThisMachine},
    requirements::{Requirement, STAGES},
};

/// Install what building and testing need
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only say what is missing
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.check {
        check(&ThisMachine)
    } else {
        install(&ThisMachine)
    }
}

/// What `cargo xtask setup` does; subcommands that need its results call it first.
pub(crate) fn ensure() -> Result<()> {
    install(&ThisMachine)
}

fn check(machine: &dyn Machine) -> Result<()> {
    let mut missing = Vec::new();
    for requirement in STAGES.iter().copied().flatten() {
        let present = (requirement.present)(machine);
        let state = if present { "ok" } else { "missing" };
        println!(
            "setup: {state:7} {:26} {}",
            requirement.what, requirement.purpose
        );
        if !present {
            missing.push(requirement.what);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "missing: {}; `cargo xtask setup` installs them",
        missing.join(", ")
    )
}

fn install(machine: &dyn Machine) -> Result<()> {
    let start = Instant::now();
    let mut installed = 0;
    let mut package_lists_are_fresh = false;
    for stage in STAGES {
        let missing: Vec<_> = stage
            .iter()
            .filter(|requirement| !(requirement.present)(machine))
            .collect();
        install_stage(machine, &missing, &mut package_lists_are_fresh)
            .map_err(|error| with_way_out(&error, &missing))?;
        installed += missing.len();
    }
    let seconds = start.elapsed().as_secs_f64();
    match installed {
        0 => println!("setup: everything is there ({seconds:.1} s)"),
        _ => println!("setup: everything is there now ({seconds:.0} s)"),
    }
    Ok(())
}

fn install_stage(
    machine: &dyn Machine,
    missing: &[&Requirement],
    package_lists_are_fresh: &mut bool,
) -> Result<()> {
    let mut wanted = Vec::new();
    for requirement in missing {
        println!(
            "setup: installing {} ({})",
            requirement.what, requirement.purpose
        );
        wanted.extend((requirement.packages)(machine)?);
    }
    if !wanted.is_empty() {
        packages::install(machine, &wanted, package_lists_are_fresh)?;
    }
    for requirement in missing {
        (requirement.finish)(machine)?;
        if !(requirement.present)(machine) {
            bail!(
                "{} is still missing after its installation",
                requirement.what
            );
        }
    }
    Ok(())
}

fn with_way_out(error: &Error, missing: &[&Requirement]) -> Error {
    let ways: Vec<_> = missing
        .iter()
        .filter_map(|requirement| requirement.by_hand)
        .collect();
    match ways.as_slice() {
        [] => anyhow!("{error:#}"),
        ways => anyhow!("{error:#}; by hand: {}", ways.join(", ")),
    }
}
