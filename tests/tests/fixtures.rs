//! Every packet fixture, on the host and in the kernel.

use std::time::SystemTime;

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
    let mut kernel = Kernel::new(object::read("sasp-xdp").unwrap(), names::PROGRAM, SEED).unwrap();
    let rows: Vec<Row> = rows::all()
        .into_iter()
        .filter(|row| row.host_only.is_none())
        .collect();
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

/// Worlds, and frames in each: 200,000 in all.
const WORLDS: u64 = 100;
const FRAMES: usize = 2_000;

#[test]
fn host_and_kernel_agree_on_packets_that_nobody_thought_of() {
    let seed = random_seed();
    println!("SASP_TEST_SEED={seed:#x}");
    let mut kernel = Kernel::new(object::read("sasp-xdp").unwrap(), names::PROGRAM, SEED).unwrap();
    for number in 0..WORLDS {
        let mut random = Random::new(seed.wrapping_add(number));
        let world = random.world();
        kernel.enter(&world).unwrap();
        let mut host = Host::new(&world, SEED);
        for count in 0..FRAMES {
            let frame = random.frame();
            let (ours, theirs) = (host.run(&frame).unwrap(), kernel.run(&frame).unwrap());
            assert_eq!(
                ours, theirs,
                "host and kernel, world {number}, frame {count}: {frame:02x?} in {world:?}"
            );
        }
        let (ours, theirs) = (host.trace().unwrap(), kernel.trace().unwrap());
        assert_eq!(ours, theirs, "host and kernel, world {number}: {world:?}");
    }
}

/// The time, unless `SASP_TEST_SEED` says otherwise: a failure prints what to set.
fn random_seed() -> u64 {
    match std::env::var("SASP_TEST_SEED") {
        Ok(text) => u64::from_str_radix(text.trim_start_matches("0x"), 16).unwrap(),
        Err(_) => SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64,
    }
}
