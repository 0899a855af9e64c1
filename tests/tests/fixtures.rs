//! Every packet fixture, on the host and in the kernel.

use std::collections::BTreeMap;
use std::time::SystemTime;

use sasp_xdp_common::abi::counters::Reason;
use sasp_xdp_common::abi::names;
use tests::fixtures::machine::Machine as _;
use tests::fixtures::machine::host::Host;
use tests::fixtures::machine::kernel::Kernel;
use tests::fixtures::random::Random;
use tests::fixtures::row::{Row, SEED};
use tests::fixtures::rows;
use tests::object;

fn fail_with(failures: &[String], rows: usize) {
    assert!(
        failures.is_empty(),
        "{} of {rows} rows:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn every_row_holds_on_the_host() {
    let rows = rows::all();
    let failures: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let error = row.check(&mut Host::new(&row.world, SEED)).err()?;
            Some(format!("{}: {error:#}", row.name))
        })
        .collect();
    fail_with(&failures, rows.len());
}

#[test]
fn every_row_holds_in_the_kernel() {
    every_row_holds_in(names::PROGRAM);
}

#[test]
fn every_row_holds_in_the_kernel_for_frames_in_several_buffers() {
    every_row_holds_in(names::PROGRAM_FRAGS);
}

fn every_row_holds_in(program: &'static str) {
    let mut kernel = Kernel::new(object::read("sasp-xdp").unwrap(), program, SEED).unwrap();
    let mut rows: Vec<Row> = rows::all()
        .into_iter()
        .filter(|row| row.host_only.is_none())
        .collect();
    // A table is got rid of by loading the program anew, which takes its time.
    rows.sort_by_cached_key(|row| {
        let tables: Vec<_> = row.world.tables.keys().copied().collect();
        (tables.len(), tables)
    });
    let failures: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let checked = kernel
                .enter(&row.world)
                .and_then(|()| row.check(&mut kernel));
            Some(format!("{}: {:#}", row.name, checked.err()?))
        })
        .collect();
    fail_with(&failures, rows.len());
}

/// The property that lets the short way be short: whatever it decides, the general way decides alike.
#[test]
fn every_row_holds_without_the_short_way() {
    let rows = rows::all();
    let failures: Vec<_> = rows
        .iter()
        .filter_map(|row| {
            let error = row.check(&mut Host::general(&row.world, SEED)).err()?;
            Some(format!("{}: {error:#}", row.name))
        })
        .collect();
    fail_with(&failures, rows.len());
}

/// Frames, unless `SASP_TEST_PACKETS` asks for more or fewer; and how many of them in each world.
const FRAMES: u64 = 1_000_000;
const FRAMES_OF_WORLD: u64 = 2_000;
/// As many frames meet every reason.
const FRAMES_ENOUGH: u64 = 160_000;
/// Worlds whose seed this divides are balanced by the program for frames in several buffers.
const FRAGS: u64 = 4;
/// Longest frame in several buffers, in bytes: the largest that interfaces commonly take.
const JUMBO: usize = 9_014;

#[test]
fn host_and_kernel_agree_on_packets_that_nobody_thought_of() {
    let seed = number("SASP_TEST_SEED").unwrap_or_else(now);
    let frames = number("SASP_TEST_PACKETS").unwrap_or(FRAMES);
    println!("SASP_TEST_SEED={seed}");
    let object = object::read("sasp-xdp").unwrap();
    let mut kernel = Kernel::new(object.clone(), names::PROGRAM, SEED).unwrap();
    let mut frags = Kernel::new(object, names::PROGRAM_FRAGS, SEED).unwrap();
    let mut met = Met::default();
    for number in 0..frames.div_ceil(FRAMES_OF_WORLD) {
        // Everything follows from it, so that a world's own seed repeats its failure.
        let seed = seed.wrapping_add(number);
        let several_buffers = seed.is_multiple_of(FRAGS);
        let kernel = if several_buffers {
            &mut frags
        } else {
            &mut kernel
        };
        world(seed, kernel, several_buffers, &mut met);
    }
    println!("{met:?}");
    if frames < FRAMES_ENOUGH {
        return;
    }
    let is_rare = |reason: &Reason| {
        // The reference's maps refuse nothing and its routes lead everywhere or are not ours.
        matches!(reason, Reason::FlowNotRemembered | Reason::NoRouteBack)
    };
    let missed: Vec<_> = Reason::ALL
        .iter()
        .filter(|reason| !is_rare(reason) && !met.reasons.contains_key(reason.name()))
        .collect();
    assert!(missed.is_empty(), "the packets met no {missed:?}");
    assert!(met.shortly > frames / 20, "the short way was hardly taken");
}

/// What the packets met, so that agreement means something.
#[derive(Default, Debug)]
struct Met {
    reasons: BTreeMap<&'static str, u64>,
    sent: u64,
    shortly: u64,
}

/// One world and its frames, on the host with and without the short way, and in the kernel.
fn world(seed: u64, kernel: &mut Kernel, several_buffers: bool, met: &mut Met) {
    let mut random = Random::new(seed);
    let world = random.world();
    kernel.enter(&world).unwrap();
    let (mut host, mut general) = (Host::new(&world, SEED), Host::general(&world, SEED));
    for count in 0..FRAMES_OF_WORLD {
        let frame = if several_buffers && count % 4 == 0 {
            random.jumbo(JUMBO)
        } else {
            random.frame()
        };
        let ours = host.run(&frame).unwrap();
        let what = || {
            let hex = hex::encode(&frame);
            format!("frame {count} of SASP_TEST_SEED={seed}: {hex} in {world:?}")
        };
        assert_eq!(
            ours,
            general.run(&frame).unwrap(),
            "short way and general way, {}",
            what()
        );
        assert_eq!(
            ours,
            kernel.run(&frame).unwrap(),
            "host and kernel, {}",
            what()
        );
    }
    let ours = host.trace().unwrap();
    assert_eq!(
        ours,
        general.trace().unwrap(),
        "short way and general way, SASP_TEST_SEED={seed}"
    );
    assert_eq!(
        ours,
        kernel.trace().unwrap(),
        "host and kernel, SASP_TEST_SEED={seed}"
    );
    for (name, count) in &ours.reasons {
        *met.reasons.entry(name).or_default() += count;
    }
    met.sent += ours
        .traffic
        .values()
        .map(|traffic| traffic.packets)
        .sum::<u64>();
    met.shortly += host.decided_shortly();
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
    )
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64
}
