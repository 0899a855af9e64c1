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
    assert_eq!(built_for(b"..LLVM ERROR: .LLVM23.0.1\0.."), Some(23));
    assert_eq!(built_for(b"no such thing"), None);
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

fn linker(path: &str, llvm_major: Option<u32>) -> Linker {
    Linker {
        path: path.into(),
        llvm_major,
    }
}

#[test]
fn a_linker_for_the_right_llvm_is_found_behind_one_for_another() {
    let found = vec![linker("/a", Some(21)), linker("/b", Some(22))];
    assert_eq!(Linker::choose(found, 22).unwrap(), linker("/b", Some(22)));
}

#[test]
fn a_linker_that_does_not_tell_gets_the_benefit_of_the_doubt() {
    assert!(Linker::choose(vec![linker("/a", None)], 22).is_ok());
}

#[test]
fn a_linker_for_another_llvm_is_refused_by_name() {
    for other in [21, 23] {
        let error = Linker::choose(vec![linker("/a", Some(other))], 22)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("/a") && error.contains(&format!("LLVM {other}")),
            "{error}"
        );
    }
}

#[test]
fn without_a_linker_the_error_names_the_way_out() {
    let error = Linker::choose(Vec::new(), 22).unwrap_err().to_string();
    assert!(error.contains("cargo xtask setup"), "{error}");
}
