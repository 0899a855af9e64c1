//! Reading the LLVM major from library names and binaries.

use super::*;

#[test]
fn the_llvm_library_tells_its_major() {
    assert_eq!(library_major("libLLVM.so.22.1"), Some(22));
    assert_eq!(library_major("libLLVM-21.so"), Some(21));
    assert_eq!(library_major("libLLVM-19.so.1"), Some(19));
    assert_eq!(library_major("libc.so.6"), None);
    assert_eq!(library_major("libLLVM"), None);
}

#[test]
fn a_static_llvm_is_known_by_its_producer_mark() {
    assert_eq!(llvm_major(b"..LLVM ERROR: .LLVM23.0.1\0.."), Some(23));
    assert_eq!(llvm_major(b"no such thing"), None);
}

#[test]
fn the_libraries_of_a_real_program_are_listed() {
    let own = fs::read(env::current_exe().unwrap()).unwrap();
    let libraries = needed_libraries(&own).unwrap();
    assert!(
        libraries.iter().any(|library| library.starts_with("libc.")),
        "{libraries:?}"
    );
}

#[test]
fn another_major_does_not_suit_and_an_unknown_one_gets_the_benefit_of_the_doubt() {
    let linker = |llvm_major| Linker {
        path: NAME.into(),
        llvm_major,
    };
    assert!(linker(Some(22)).suits(22));
    assert!(!linker(Some(21)).suits(22));
    assert!(!linker(Some(23)).suits(22));
    assert!(linker(None).suits(22));
}
