//! Looks for the audit tool, which lies beside the repository where there is one: without it its test does not exist.

use std::{env, error::Error, path::PathBuf};

/// From this package.
const TOOL: &str = "../../shared/tools/sasp_check.py";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rustc-check-cfg=cfg(sasp_audit)");
    // A tool that comes later is found by the next clean build: cargo would take a file that is not
    // there for one that has changed, and compile the tests anew each time.
    println!("cargo::rerun-if-changed=build.rs");
    let package = env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo sets CARGO_MANIFEST_DIR")?;
    match PathBuf::from(package).join(TOOL).canonicalize() {
        Ok(tool) => {
            println!("cargo::rustc-cfg=sasp_audit");
            println!("cargo::rerun-if-changed={}", tool.display());
            println!("cargo::rustc-env=SASP_AUDIT={}", tool.display());
        }
        Err(error) => {
            println!(
                "cargo::warning=the SASP audit (tests/sasp_audit.rs) is left out: no {TOOL}: {error}"
            );
        }
    }
    Ok(())
}
