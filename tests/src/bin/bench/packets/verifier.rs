//! What the kernel's verifier makes of the object: the instructions that it walks through, and how long that takes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use aya::EbpfLoader;
use aya::programs::Xdp;
use sasp_ctl::datapath;
use sasp_xdp_common::abi::names;
use tests::object;

/// The least of so many loads is printed: the verifier's time is the machine's too.
const LOADS: usize = 5;
const TARGET: Duration = Duration::from_millis(500);

/// Loads both programs several times, and prints a line for each.
pub(crate) fn run() -> Result<()> {
    let object = object::read("sasp-xdp")?;
    for name in [names::PROGRAM, names::PROGRAM_FRAGS] {
        let mut least = Duration::MAX;
        let mut instructions = None;
        for _ in 0..LOADS {
            let (time, count) = load(&object, name)?;
            least = least.min(time);
            instructions = count;
        }
        let count = instructions.map_or("an unknown number of".into(), |count| count.to_string());
        let verdict = if least < TARGET { "ok" } else { "over" };
        println!(
            "verifier, {name}: {count} instructions, {} ms ({verdict}, target < {} ms)",
            least.as_millis(),
            TARGET.as_millis(),
        );
    }
    Ok(())
}

fn load(object: &[u8], name: &str) -> Result<(Duration, Option<u32>)> {
    let mut object = EbpfLoader::new()
        .override_global("AYA_LOG_LEVEL", &0_u8, true)
        .load(object)?;
    let program = object.program_mut(name).context(name.to_owned())?;
    let program: &mut Xdp = program.try_into()?;
    let start = Instant::now();
    datapath::load(program)?;
    Ok((
        start.elapsed(),
        program.info()?.verified_instruction_count(),
    ))
}
