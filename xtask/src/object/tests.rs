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

/// An object with a function that calls another: how deep each one's stack is in bytes.
fn calling(caller: i16, callee: i16) -> Vec<u8> {
    let store = |depth: i16| {
        let [low, high] = (-depth).to_le_bytes();
        // *(u64 *)(r10 - depth) = r1
        [0x7b, 0x1a, low, high, 0, 0, 0, 0]
    };
    let exit = [0x95, 0, 0, 0, 0, 0, 0, 0];
    // Over the exit, to what follows.
    let call = [0x85, 0x10, 0, 0, 1, 0, 0, 0];
    let functions = [
        ("caller", [store(caller), call, exit].concat()),
        ("callee", [store(callee), exit].concat()),
    ];
    let mut file = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    file.add_section(Vec::new(), b".BTF".to_vec(), SectionKind::Data);
    let section = file.add_section(Vec::new(), b".text".to_vec(), SectionKind::Text);
    for (name, code) in functions {
        let value = file.append_section_data(section, &code, 8);
        file.add_symbol(Symbol {
            name: name.as_bytes().to_vec(),
            value,
            size: code.len() as u64,
            kind: SymbolKind::Text,
            scope: SymbolScope::Compilation,
            weak: false,
            section: SymbolSection::Section(section),
            flags: SymbolFlags::None,
        });
    }
    file.write().unwrap()
}

#[test]
fn stack_is_counted_down_the_calls_and_too_much_is_refused_by_the_chain() {
    // Every frame counts as a multiple of 32.
    assert_eq!(inspect(&calling(8, 450)).unwrap().stack, 32 + 480);
    let refusal = refusal(&calling(40, 450));
    assert!(refusal.contains("544 bytes"), "{refusal}");
    assert!(refusal.contains("caller: 40, callee: 450"), "{refusal}");
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
