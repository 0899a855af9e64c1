//! The target and flags of the BPF build, and cargo's messages.

use super::*;

#[test]
fn the_target_has_the_endianness_of_the_host() {
    let target = |is_big_endian| {
        Host {
            arch: String::new(),
            is_big_endian,
        }
        .bpf_target()
    };
    assert_eq!(target(false), "bpfel-unknown-none");
    assert_eq!(target(true), "bpfeb-unknown-none");
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

#[test]
fn a_new_linker_changes_the_flags() {
    assert_ne!(rustflags("x86_64", 1), rustflags("x86_64", 2));
}
