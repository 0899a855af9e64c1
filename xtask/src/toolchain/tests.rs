//! Which candidate is chosen, and what is read from `rustc -vV`.

use super::*;

const GOOD: Probe = Probe {
    has_sources: true,
    release: (1, 99),
    llvm_major: 22,
};

#[test]
fn a_nightly_with_sources_comes_first() {
    let found = Toolchain::find_among(|_| Some(GOOD)).unwrap();
    assert_eq!(found.name(), "nightly");
}

#[test]
fn a_nightly_without_sources_is_passed_over() {
    let found = Toolchain::find_among(|name| {
        Some(Probe {
            has_sources: name != Some("nightly"),
            ..GOOD
        })
    });
    assert_eq!(
        found.unwrap(),
        Toolchain {
            rustup_name: Some(LINKED),
            llvm_major: 22
        }
    );
}

#[test]
fn a_toolchain_older_than_the_workspace_asks_is_passed_over() {
    let found = Toolchain::find_among(|name| match name {
        Some(_) => Some(Probe {
            release: (1, 80),
            ..GOOD
        }),
        None => Some(GOOD),
    });
    assert_eq!(found.unwrap().name(), "default");
}

#[test]
fn without_any_the_error_names_the_way_out() {
    let error = Toolchain::find_among(|_| None).unwrap_err().to_string();
    assert!(error.contains("cargo xtask setup"), "{error}");
}

#[test]
fn only_a_compiler_that_is_not_nightly_is_told_to_bootstrap() {
    let bootstraps = |rustup_name| {
        let command = Toolchain {
            rustup_name,
            llvm_major: 22,
        }
        .command("cargo");
        command
            .get_envs()
            .any(|(name, _)| name == "RUSTC_BOOTSTRAP")
    };
    assert!(!bootstraps(Some("nightly")));
    assert!(bootstraps(Some(LINKED)));
    assert!(bootstraps(None));
}

#[test]
fn versions_are_read_from_rustc() {
    let version = "rustc 1.97.0-nightly\nrelease: 1.97.0-nightly\nLLVM version: 22.1.4\n";
    assert_eq!(
        major_minor(field(version, "release: ").unwrap()),
        Some((1, 97))
    );
    assert_eq!(
        major_minor(field(version, "LLVM version: ").unwrap()),
        Some((22, 1))
    );
    assert_eq!(major_minor("x"), None);
}
