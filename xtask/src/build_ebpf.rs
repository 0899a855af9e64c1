//! `cargo xtask build-ebpf`: builds the BPF objects and says what is in them.

use std::{fs, time::Instant};

use anyhow::{Context as _, Result};
use xtask::{ebpf, workspace};

/// Build the BPF objects into target/bpf/
#[derive(clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(_options: &Options) -> Result<()> {
    let start = Instant::now();
    let directory = workspace::target_dir().join("bpf");
    for artifact in ebpf::build()? {
        let path = artifact.copy_to(&directory)?;
        let size = fs::metadata(&path)
            .with_context(|| path.display().to_string())?
            .len();
        let shown = path
            .strip_prefix(workspace::root())
            .unwrap_or(&path)
            .display();
        let programs = artifact.summary.programs.join(", ");
        let maps = match artifact.summary.btf_maps.as_slice() {
            [] => "no BTF maps".to_owned(),
            maps => format!("BTF maps {}", maps.join(", ")),
        };
        let stack = artifact.summary.stack;
        println!(
            "{shown}: {size} bytes, programs {programs}, {maps}, no panics, {stack} bytes of stack"
        );
    }
    println!(
        "BPF objects built in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}
