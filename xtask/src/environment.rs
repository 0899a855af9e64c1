//! What a cargo that we start must not hear from the cargo that started us.
//!
//! We run inside `cargo run` or a build script, under clippy perhaps: what cargo says there is
//! about another package and another target.

use std::{env, ffi::OsStr, process::Command};

/// The cargo settings of the user that are kept: where crates come from, how many jobs run, and
/// how cargo talks. All others (flags, profiles, targets, wrappers) are meant for host code.
const KEPT_CARGO_VARIABLES: [&str; 9] = [
    "CARGO_HOME",
    "CARGO_BUILD_JOBS",
    "CARGO_HTTP_",
    "CARGO_INSTALL_ROOT",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
    "CARGO_TERM_",
];

/// What cargo tells build scripts. A difference in HOST alone makes the crates of aya compile
/// again.
const BUILD_SCRIPT_VARIABLES: [&str; 7] = [
    "DEBUG",
    "HOST",
    "NUM_JOBS",
    "OPT_LEVEL",
    "OUT_DIR",
    "PROFILE",
    "TARGET",
];

/// Flags, programs and wrappers (clippy's, for one) of the host build.
const COMPILER_VARIABLES: [&str; 4] = ["CLIPPY_", "RUSTC", "RUSTDOC", "RUSTFLAGS"];

/// Removes from the command's environment what is about the host build, unless it was set on the
/// command itself.
pub fn forget_host_build(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let set = command
            .get_envs()
            .any(|(own, value)| own == name && value.is_some());
        if !is_inherited(&name) && !set {
            command.env_remove(name);
        }
    }
}

fn is_inherited(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return true;
    };
    let starts_with = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if name.starts_with("CARGO") {
        return starts_with(&KEPT_CARGO_VARIABLES);
    }
    !BUILD_SCRIPT_VARIABLES.contains(&name) && !starts_with(&COMPILER_VARIABLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_for_the_host_build_is_not_inherited() {
        for name in [
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "CARGO_PROFILE_RELEASE_DEBUG",
            "CARGO_TARGET_DIR",
            "CARGO_MANIFEST_DIR",
            "CLIPPY_ARGS",
            "HOST",
            "RUSTC",
            "RUSTC_WORKSPACE_WRAPPER",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
            "OUT_DIR",
        ] {
            assert!(!is_inherited(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn where_crates_come_from_is_inherited() {
        for name in [
            "CARGO_HOME",
            "CARGO_HTTP_PROXY",
            "CARGO_NET_OFFLINE",
            "PATH",
            "RUSTUP_HOME",
        ] {
            assert!(is_inherited(OsStr::new(name)), "{name}");
        }
    }
}
