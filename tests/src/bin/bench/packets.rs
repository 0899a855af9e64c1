//! Net nanoseconds per packet of the XDP program, by `BPF_PROG_TEST_RUN`.
//!
//! A repeated program is fed its own output, so a helper program restores the frame before every run, gives it the
//! next flow, and tail-calls the program under test. The same with a program that does nothing gives the cost of that;
//! the difference over interleaved rounds is printed.

mod frames;
mod network;
pub(crate) mod verifier;
mod world;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, ProgramArray};
use aya::programs::{ProgramFd, TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use sasp_ctl::datapath;
use sasp_xdp_common::abi::bench::Template;
use sasp_xdp_common::abi::names;
use tests::object;

use self::frames::Case;
use crate::report::Report;

/// Many short rounds rather than few long ones: a neighbour's noise spoils some of them, not all.
const ROUNDS: usize = 40;
const REPEAT: u32 = 50_000;
/// Of the rounds, those that count.
const BEST: usize = ROUNDS / 5;

/// What is measured, and beside what.
#[derive(clap::Args, Debug)]
#[group(id = "packets_options")]
pub(crate) struct Options {
    /// packets: another build's object, measured in the same rounds
    #[arg(long, value_name = "FILE")]
    beside: Option<PathBuf>,
    /// packets: rows whose name contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// The program under test with a service in its maps, and the helper programs.
pub(crate) struct Rig {
    helpers: Ebpf,
    /// The program under test, and the one that stands beside it.
    balancers: Vec<ProgramFd>,
    stub: ProgramFd,
    reference: ProgramFd,
    objects: Vec<Ebpf>,
}

impl Rig {
    /// Loads the objects, which must have been built.
    pub(crate) fn load(options: &Options) -> Result<Self> {
        network::enter()?;
        let mut helpers = EbpfLoader::new().load(&object::read("sasp-xdp-bench")?)?;
        let mut objects = vec![world::load(&object::read("sasp-xdp")?)?];
        if let Some(path) = &options.beside {
            let object = fs::read(path).with_context(|| path.display().to_string())?;
            objects.push(world::load(&object)?);
        }
        let balancers = objects.iter_mut();
        let balancers = balancers.map(|object| program(object, names::PROGRAM));
        let balancers = balancers.collect::<Result<_>>()?;
        let stub = program(&mut helpers, "stub")?;
        let reference = program(&mut helpers, "reference")?;
        program(&mut helpers, "restore")?;
        Ok(Self {
            helpers,
            balancers,
            stub,
            reference,
            objects,
        })
    }

    /// Net time of the reference program.
    pub(crate) fn reference_ns(&mut self) -> Result<f64> {
        let case = frames::reference();
        let reference = self.reference.try_clone()?;
        let net = self.net_ns(&case, &[reference])?;
        net.first().copied().context("nothing was measured")
    }

    /// Measures and prints every case.
    pub(crate) fn run(&mut self, report: &Report, options: &Options) -> Result<()> {
        let balancers = self.balancers.iter().map(ProgramFd::try_clone);
        let balancers = balancers.collect::<Result<Vec<_>, _>>()?;
        for case in frames::cases() {
            if case.name.contains(&options.only) {
                let net = self.net_ns(&case, &balancers)?;
                report.measured(&case.name, &net, case.target_ns);
            }
        }
        Ok(())
    }

    /// Of each program.
    fn net_ns(&mut self, case: &Case, targets: &[ProgramFd]) -> Result<Vec<f64>> {
        let stub = self.stub.try_clone()?;
        for object in &mut self.objects {
            world::set(object, case.pool_ports)?;
        }
        if let Some(before) = &case.before {
            for target in targets {
                self.measure(before, target, before.flows as u32)?;
            }
        }
        let mut without = Vec::new();
        let mut with = vec![Vec::new(); targets.len()];
        for _ in 0..ROUNDS {
            without.push(self.measure(&case.template, &stub, REPEAT)?.0);
            for (target, with) in targets.iter().zip(&mut with) {
                let (ns, verdict) = self.measure(&case.template, target, REPEAT)?;
                ensure!(
                    verdict == case.verdict,
                    "{}: XDP action {verdict}",
                    case.name
                );
                with.push(ns);
            }
        }
        let without = undisturbed(without);
        let net = with.into_iter().map(|with| undisturbed(with) - without);
        Ok(net.collect())
    }

    /// Nanoseconds per run, and what the last run returned.
    fn measure(&mut self, sent: &Template, target: &ProgramFd, repeat: u32) -> Result<(f64, u32)> {
        let map = self.helpers.map_mut("TEMPLATE");
        let map = map.context("no map TEMPLATE")?;
        Array::<_, Template>::try_from(map)?.set(0, sent, 0)?;
        let targets = self.helpers.map_mut("TARGET").context("no map TARGET")?;
        ProgramArray::try_from(targets)?.set(0, target, 0)?;
        let restore = self
            .helpers
            .program_mut("restore")
            .context("no program restore")?;
        let restore: &mut Xdp = restore.try_into()?;
        let result = restore.test_run(TestRunOptions {
            data_in: Some(&sent.frame),
            repeat,
            ..TestRunOptions::default()
        })?;
        Ok((result.duration.as_nanos() as f64, result.return_value))
    }
}

fn program(object: &mut Ebpf, name: &str) -> Result<ProgramFd> {
    let program: &mut Xdp = object
        .program_mut(name)
        .context(name.to_owned())?
        .try_into()?;
    datapath::load(program)?;
    Ok(program.fd()?.try_clone()?)
}

/// The mean of the best rounds. The kernel gives whole nanoseconds, too coarse for the shortest programs; a mean over
/// rounds that noise has shifted by fractions is finer than the minimum.
fn undisturbed(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_unstable_by(f64::total_cmp);
    rounds.truncate(BEST);
    rounds.iter().sum::<f64>() / rounds.len() as f64
}
