//! Bad objects are refused by what is wrong with them.

use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolScope,
    write::{Object, Symbol, SymbolSection},
};

use super::*;

/// An object file with these sections, each with one symbol.
fn elf(sections: &[(&str, &str)]) -> Vec<u8> {
    let mut file = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    for (section, symbol) in sections {
        let kind = match *section {
            "xdp" | ".text" => SectionKind::Text,
            _ => SectionKind::Data,
        };
        let section = file.add_section(Vec::new(), section.as_bytes().to_vec(), kind);
        file.append_section_data(section, &[0; 8], 8);
        file.add_symbol(Symbol {
            name: symbol.as_bytes().to_vec(),
            value: 0,
            size: 8,
            kind: if kind == SectionKind::Text {
                SymbolKind::Text
            } else {
                SymbolKind::Data
            },
            scope: SymbolScope::Dynamic,
            weak: false,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        });
    }
    file.write().unwrap()
}

fn refusal(object: &[u8]) -> String {
    format!("{:#}", inspect(object).unwrap_err())
}

#[test]
fn programs_and_maps_of_a_good_object_are_named() {
    let sections = [
        (".BTF", "b"),
        (".maps", "FLOWS"),
        ("xdp", "balance"),
        (".text", "subprogram"),
    ];
    let summary = inspect(&elf(&sections)).unwrap();
    assert_eq!(summary.programs, ["balance"]);
    assert_eq!(summary.btf_maps, ["FLOWS"]);
}

#[test]
fn an_object_without_btf_is_refused() {
    assert!(refusal(&elf(&[("xdp", "balance")])).contains(".BTF"));
}

#[test]
fn an_object_that_can_panic_is_refused_by_the_name_of_the_panic() {
    let panic = "_RNvNtCs1_4core9panicking18panic_bounds_check";
    assert!(refusal(&elf(&[(".BTF", "b"), (".text", panic)])).contains(panic));
}

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
