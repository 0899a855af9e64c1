//! Net nanoseconds per packet of the XDP program, by `BPF_PROG_TEST_RUN`.
//!
//! A repeated program is fed its own output, so a helper program restores the frame before every run, gives it the
//! next flow, and tail-calls the program under test. The same with a program that does nothing gives the cost of that;
//! the difference over interleaved rounds is printed.

mod frames;
mod world;

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, ProgramArray};
use aya::programs::{ProgramFd, TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use sasp_xdp_common::abi::bench::Template;
use sasp_xdp_common::abi::names;
use tests::object;

use self::frames::Case;
use crate::report::Report;

const ROUNDS: usize = 15;
const REPEAT: u32 = 200_000;

/// The program under test with a service in its maps, and the helper programs.
pub(crate) struct Rig {
    helpers: Ebpf,
    balancer: ProgramFd,
    stub: ProgramFd,
    reference: ProgramFd,
    // Its maps go when it goes.
    _balancer: Ebpf,
}

impl Rig {
    /// Loads both objects, which must have been built.
    pub(crate) fn load() -> Result<Self> {
        let mut helpers = EbpfLoader::new().load(&object::read("sasp-xdp-bench")?)?;
        let mut object = world::load()?;
        let balancer = program(&mut object, names::PROGRAM)?;
        let stub = program(&mut helpers, "stub")?;
        let reference = program(&mut helpers, "reference")?;
        program(&mut helpers, "restore")?;
        Ok(Self {
            helpers,
            balancer,
            stub,
            reference,
            _balancer: object,
        })
    }

    /// Net time of the reference program.
    pub(crate) fn reference_ns(&mut self) -> Result<f64> {
        let case = frames::reference();
        let reference = self.reference.try_clone()?;
        self.net_ns(&case, &reference)
    }

    /// Measures and prints every case.
    pub(crate) fn run(&mut self, report: &Report) -> Result<()> {
        let balancer = self.balancer.try_clone()?;
        for case in frames::cases() {
            report.row(&case.name, self.net_ns(&case, &balancer)?);
        }
        Ok(())
    }

    fn net_ns(&mut self, case: &Case, target: &ProgramFd) -> Result<f64> {
        let stub = self.stub.try_clone()?;
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            without.push(self.measure(case, &stub)?.0);
            let (ns, verdict) = self.measure(case, target)?;
            ensure!(
                verdict == case.verdict,
                "{}: XDP action {verdict}",
                case.name
            );
            with.push(ns);
        }
        Ok(undisturbed(with) - undisturbed(without))
    }

    /// Nanoseconds per run, and what the last run returned.
    fn measure(&mut self, case: &Case, target: &ProgramFd) -> Result<(f64, u32)> {
        let template = self
            .helpers
            .map_mut("TEMPLATE")
            .context("no map TEMPLATE")?;
        Array::<_, Template>::try_from(template)?.set(0, case.template, 0)?;
        let targets = self.helpers.map_mut("TARGET").context("no map TARGET")?;
        ProgramArray::try_from(targets)?.set(0, target, 0)?;
        let restore = self
            .helpers
            .program_mut("restore")
            .context("no program restore")?;
        let restore: &mut Xdp = restore.try_into()?;
        let result = restore.test_run(TestRunOptions {
            data_in: Some(&case.template.frame),
            repeat: REPEAT,
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
    program.load()?;
    Ok(program.fd()?.try_clone()?)
}

/// The mean of the best third. The kernel gives whole nanoseconds, too coarse for the shortest programs; a mean over
/// rounds that noise has shifted by fractions is finer than the minimum.
fn undisturbed(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_unstable_by(f64::total_cmp);
    rounds.truncate(ROUNDS / 3);
    rounds.iter().sum::<f64>() / rounds.len() as f64
}
