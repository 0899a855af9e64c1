//! `cargo xtask test --kernels`: the data plane on other kernels than this machine's.
//!
//! The kernels are the distribution's, in QEMU without the help of hardware. Nothing is installed and root is not
//! needed: kernels, QEMU and what it needs are unpacked into `target/kernels/`, and stay there. In the guests run the
//! same test binaries as on this machine, so that there is no second set of checks.
//!
//! * [`series`]: which kernels, and what runs on them; [`features`]: what older ones lack
//! * [`archive`]: the distribution's archive; [`fetch`]: a kernel from it; [`tools`]: QEMU and busybox
//! * [`modules`], [`binaries`], [`script`], [`guest`]: what is in a guest
//! * [`machine`]: a guest's life; [`report`]: what it said

mod archive;
mod binaries;
mod features;
mod fetch;
mod guest;
mod machine;
mod modules;
mod report;
mod script;
mod series;
mod tools;

use std::{fs, path::Path, thread, time::Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use xtask::workspace;

use self::{
    fetch::Kernel,
    guest::Guest,
    modules::Modules,
    report::Report,
    series::{PARTS, SERIES, Series},
    tools::Tools,
};
use crate::build_ebpf;

/// Runs the parts on every series, or on those of these versions; only tests with one of these names, if there are
/// any.
pub(crate) fn run(versions: &[String], names: &[String]) -> Result<()> {
    ensure!(
        cfg!(all(target_arch = "x86_64", target_os = "linux")),
        "the kernels' tests run on x86-64 Linux only"
    );
    let chosen = chosen(versions)?;
    let directory = workspace::target_dir().join("kernels");
    fs::create_dir_all(&directory).with_context(|| directory.display().to_string())?;
    let tools = Tools::find(&directory)?;
    let kernels = chosen
        .iter()
        .map(|series| fetch::kernel(series, &place(&directory, series)?))
        .collect::<Result<Vec<_>>>()?;
    build_ebpf::run(&build_ebpf::Options {})?;
    let guest = Guest::new(&tools.busybox, &binaries::build()?)?;

    println!("==> kernels");
    let mut results = Vec::new();
    let start = Instant::now();
    let jobs: Vec<_> = chosen.iter().zip(&kernels).collect();
    // A guest keeps one CPU busy.
    for batch in jobs.chunks(thread::available_parallelism()?.get()) {
        let boot = |(series, kernel): &(&&Series, &Kernel)| {
            let report = boot(kernel, &tools, &guest, names, &place(&directory, series)?)?;
            Ok((kernel.release.clone(), report))
        };
        let reports = in_parallel(batch, boot)?;
        for (release, report) in reports {
            println!(
                "{release}: {}",
                if report.is_good() { "good" } else { "FAILED" }
            );
            report
                .complaints()
                .for_each(|line| println!("{release}: {line}"));
            results.push((release, report));
        }
    }
    println!("\n{}", report::table(&results));
    for (release, _) in &results {
        for feature in features::lacking(release) {
            println!(
                "{release}: without {}, which came with {}",
                feature.name, feature.since
            );
        }
    }
    println!("kernels: {} s", start.elapsed().as_secs());
    let failed: Vec<_> = results
        .iter()
        .filter(|(_, report)| !report.is_good())
        .map(|(release, _)| release.as_str())
        .collect();
    ensure!(failed.is_empty(), "failed on Linux {}", failed.join(", "));
    ensure!(
        results.iter().all(|(_, report)| report.passed() > 0),
        "no test has such a name: {}",
        names.join(", ")
    );
    Ok(())
}

/// The series of these versions, or all.
fn chosen(versions: &[String]) -> Result<Vec<&'static Series>> {
    if versions.is_empty() {
        return Ok(SERIES.iter().collect());
    }
    let find = |version: &String| {
        let series = SERIES.iter().find(|series| series.version == version);
        let known = SERIES.map(|series| series.version).join(", ");
        series.ok_or_else(|| anyhow!("no series {version}: there are {known}"))
    };
    versions.iter().map(find).collect()
}

/// The directory of a series.
fn place(directory: &Path, series: &Series) -> Result<std::path::PathBuf> {
    let place = directory.join(series.version);
    fs::create_dir_all(&place).with_context(|| place.display().to_string())?;
    Ok(place)
}

/// Makes a guest for a kernel and runs it.
fn boot(
    kernel: &Kernel,
    tools: &Tools,
    guest: &Guest,
    names: &[String],
    directory: &Path,
) -> Result<Report> {
    let modules = Modules::new(&kernel.modules, &tools.busybox)?;
    let mut loaded = Vec::new();
    let mut parts = Vec::new();
    for part in &PARTS {
        let before = loaded.len();
        for module in part.modules {
            modules.add(module, &mut loaded)?;
        }
        let new = loaded[before..].iter().map(|module| module.name.clone());
        parts.push((part, new.collect()));
    }
    let lacking = features::lacking(&kernel.release);
    let skipped: Vec<_> = lacking.flat_map(|feature| feature.tests).copied().collect();
    let init = script::init(&parts, &skipped, names);
    let initramfs = guest.archive(loaded, &init)?;
    machine::run(tools.qemu(), kernel, &initramfs, directory)
}

/// Does the same to all at once.
fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    each: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    thread::scope(|scope| {
        let threads: Vec<_> = items
            .iter()
            .map(|item| scope.spawn(|| each(item)))
            .collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Result<R>>| match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        threads.into_iter().map(join).collect()
    })
}
