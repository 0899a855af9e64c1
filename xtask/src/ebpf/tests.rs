//! The environment and flags of the BPF build, and cargo's messages.

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

#[test]
fn the_target_has_the_endianness_of_the_host() {
    assert_eq!(target("x86_64", false), ("bpfel-unknown-none", "x86_64"));
    assert_eq!(target("s390x", true), ("bpfeb-unknown-none", "s390x"));
}

#[test]
fn only_messages_about_executables_name_one() {
    let binary = r#"{"reason":"compiler-artifact","target":{"name":"b"},"executable":"/x/b"}"#;
    let library = r#"{"reason":"compiler-artifact","target":{"name":"l"},"executable":null}"#;
    assert_eq!(
        executable(binary).unwrap(),
        Some(("b".to_owned(), "/x/b".into()))
    );
    assert_eq!(executable(library).unwrap(), None);
    assert_eq!(executable(r#"{"reason":"build-finished"}"#).unwrap(), None);
    assert!(executable("garbage").is_err());
}
