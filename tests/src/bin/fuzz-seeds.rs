//! Writes what is valid for each fuzz target into its corpus.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use tests::fuzz::{TARGETS, seeds};

fn main() -> Result<()> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (target, _) in TARGETS {
        let directory = corpora.join(target);
        fs::create_dir_all(&directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        for (number, seed) in seeds::of(target).iter().enumerate() {
            let file = directory.join(format!("seed-{number}"));
            fs::write(&file, seed).with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    println!("{}", corpora.display());
    Ok(())
}
