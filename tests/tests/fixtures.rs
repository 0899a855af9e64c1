//! Every packet fixture, on the host and in the kernel.

use tests::fixtures::machine::host::Host;
use tests::fixtures::machine::kernel::Kernel;
use tests::fixtures::row::{Row, SEED};
use tests::fixtures::rows;

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
    let object = std::fs::read("../target/bpf/sasp-xdp").unwrap();
    let mut kernel = Kernel::new(object, SEED).unwrap();
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
