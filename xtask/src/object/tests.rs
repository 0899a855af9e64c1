//! Bad objects are refused by what is wrong with them.

use super::*;

#[test]
fn what_is_not_elf_is_refused() {
    assert!(inspect(b"").is_err());
    assert!(inspect(b"\x7fELF and then nothing").is_err());
}

#[test]
fn panics_are_known_by_both_manglings() {
    for symbol in [
        "_ZN4core9panicking18panic_bounds_check17h0123456789abcdefE",
        "_RNvNtCs1_4core9panicking9panic_fmt",
        "rust_begin_unwind",
        "_RNvCs2_7___rustc17rust_begin_unwind",
        "_ZN4core6option13unwrap_failed17h0123456789abcdefE",
    ] {
        assert!(is_panic(&symbol), "{symbol}");
    }
    assert!(!is_panic(&"sasp_xdp"));
}
