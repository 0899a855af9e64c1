//! The table of what building and testing need.

use std::process::Command;

use anyhow::{Result, ensure};
use xtask::toolchain::LINKED;

use super::machine::Machine;

/// The release that is known to work with our aya.
const LINKER_VERSION: &str = "0.13.0";

/// The LLVM majors that this release can be built for.
const LINKER_LLVM: std::ops::RangeInclusive<u32> = 21..=23;

/// Something that must be on the machine.
pub(super) struct Requirement {
    pub(super) what: &'static str,
    pub(super) purpose: &'static str,
    /// Cheap: it is asked on every `cargo xtask test`.
    pub(super) present: fn(&dyn Machine) -> bool,
    /// The distribution's packages that bring it.
    pub(super) packages: fn(&dyn Machine) -> Result<Vec<String>>,
    /// What is to do once they are installed.
    pub(super) finish: fn(&dyn Machine) -> Result<()>,
    /// What the user can do where packages are of no use.
    pub(super) by_hand: Option<&'static str>,
}

/// In order; what is missing in a stage comes by one call of apt-get.
///
/// Rust is a stage of its own, because not every distribution has that package; the linker,
/// because its LLVM is that of the Rust before it.
pub(super) const STAGES: [&[Requirement]; 3] = [&TOOLS, &[RUST], &[LINKER]];

/// A program that comes in a package.
macro_rules! program {
    ($program:literal, $package:literal, $purpose:literal) => {
        Requirement {
            what: $program,
            purpose: $purpose,
            present: |machine| machine.has($program),
            packages: |_| Ok(vec![$package.to_owned()]),
            finish: |_| Ok(()),
            by_hand: None,
        }
    };
}

/// A server that comes in a package, which would start it at the next boot: nobody asked for that.
macro_rules! server {
    ($program:literal, $purpose:literal) => {
        Requirement {
            finish: |machine| match machine.has("systemctl") {
                true => {
                    let service = concat!($program, ".service");
                    machine.execute(Command::new("systemctl").args(["disable", service]))
                }
                false => Ok(()),
            },
            ..program!($program, $program, $purpose)
        }
    };
}

/// Where nginx finds its module for streams of TCP.
const NGINX_STREAM: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";

const TOOLS: [Requirement; 14] = [
    program!("ip", "iproute2", "network namespaces"),
    program!(
        "ethtool",
        "ethtool",
        "switching off checksum offloads in tests"
    ),
    program!("tcpdump", "tcpdump", "packets seen in tests"),
    program!("tshark", "tshark", "a second opinion on our SASP bytes"),
    program!("curl", "curl", "HTTP clients in tests"),
    program!("wrk", "wrk", "HTTP load in the demo and benchmarks"),
    program!(
        "bpftool",
        "bpftool",
        "a second opinion on programs and maps"
    ),
    program!("python3", "python3", "test oracles"),
    program!("openssl", "openssl", "the other side of TLS in tests"),
    server!("nginx", "members in the demo and tests"),
    server!("haproxy", "a peer in benchmarks"),
    program!("nft", "nftables", "a peer in benchmarks"),
    Requirement {
        what: "nginx's stream module",
        purpose: "a peer in benchmarks",
        present: |machine| machine.exists(NGINX_STREAM),
        packages: |_| Ok(vec!["libnginx-mod-stream".to_owned()]),
        finish: |_| Ok(()),
        by_hand: None,
    },
    Requirement {
        what: "rustfmt and clippy",
        purpose: "cargo xtask test",
        present: |machine| {
            machine.succeeds("cargo", &["fmt", "--version"])
                && machine.succeeds("cargo", &["clippy", "--version"])
        },
        packages: |_| Ok(Vec::new()),
        finish: |machine| {
            let arguments = ["component", "add", "rustfmt", "clippy"];
            machine.execute(Command::new("rustup").args(arguments))
        },
        by_hand: Some("install rustfmt and clippy for the Rust in use"),
    },
];

const RUST: Requirement = Requirement {
    what: "Rust with rust-src",
    purpose: "compiles core for the BPF target",
    present: |machine| machine.toolchain().is_ok(),
    packages: |_| {
        Ok(["rustc-web", "rust-web-src", "rust-web-clippy"]
            .map(str::to_owned)
            .into())
    },
    finish: |machine| match machine.has("rustup") {
        true => machine.execute(Command::new("rustup").args(["toolchain", "link", LINKED, "/usr"])),
        // Then /usr/bin/rustc is the default Rust, or `by_hand` says how to get another.
        false => Ok(()),
    },
    by_hand: Some("`rustup toolchain install nightly --component rust-src`"),
};

const LINKER: Requirement = Requirement {
    what: "bpf-linker",
    purpose: "links the BPF object, by the LLVM of its Rust",
    present: |machine| {
        machine
            .toolchain()
            .and_then(|rust| machine.linker(rust.llvm_major))
            .is_ok_and(|linker| {
                // Its LLVM library may have gone since.
                machine.succeeds(&linker.path.to_string_lossy(), &["--version"])
            })
    },
    packages: |machine| {
        let llvm = machine.toolchain()?.llvm_major;
        let present = machine.exists(&format!("{}/bin/llvm-config", llvm_prefix(llvm)));
        let packages = [format!("llvm-{llvm}-dev"), format!("libpolly-{llvm}-dev")];
        Ok(if present { Vec::new() } else { packages.into() })
    },
    finish: install_linker,
    by_hand: Some("install bpf-linker, built for the LLVM that `rustc -vV` names"),
};

fn install_linker(machine: &dyn Machine) -> Result<()> {
    let rust = machine.toolchain()?;
    let llvm = rust.llvm_major;
    ensure!(
        LINKER_LLVM.contains(&llvm),
        "bpf-linker {LINKER_VERSION} can be built for LLVM {} to {}, but the {} Rust uses LLVM \
         {llvm}: install rust-src for another Rust",
        LINKER_LLVM.start(),
        LINKER_LLVM.end(),
        rust.name(),
    );
    println!("setup: compiling bpf-linker for LLVM {llvm}, about two minutes");
    machine.execute(
        Command::new("cargo")
            .args([
                "install",
                "--locked",
                "--force",
                "bpf-linker",
                "--version",
                LINKER_VERSION,
            ])
            .args([
                "--no-default-features",
                "--features",
                &format!("llvm-{llvm}"),
            ])
            .env("LLVM_PREFIX", llvm_prefix(llvm)),
    )
}

/// Where Debian puts that LLVM.
fn llvm_prefix(llvm_major: u32) -> String {
    format!("/usr/lib/llvm-{llvm_major}")
}
