//! What a good BPF object must and must not contain.
//!
//! It does not load anything: the verifier has the last word. What is checked here is what the
//! verifier would only complain about far from the cause.

use anyhow::{Context as _, Result, bail};
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, read::elf::ElfFile64,
};

#[cfg(test)]
mod tests;

/// Parts of the names (mangled or not) of what a panic leaves behind.
///
/// The handler is an endless loop, which the verifier rejects.
const PANIC_MARKS: [&str; 4] = [
    "panicking",
    "rust_begin_unwind",
    "panic_impl",
    "unwrap_failed",
];

/// What an object holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    /// Sections with programs, such as `xdp`.
    pub programs: Vec<String>,
    /// Maps declared through BTF.
    pub btf_maps: Vec<String>,
}

/// Checks a BPF object and says what is in it.
///
/// # Errors
/// If it is no ELF file, has no BTF, or has code that can panic.
pub fn inspect(object: &[u8]) -> Result<Summary> {
    let elf = ElfFile64::<Endianness>::parse(object).context("not an ELF file")?;
    if let Some(symbol) = elf
        .symbols()
        .filter_map(|symbol| symbol.name().ok())
        .find(is_panic)
    {
        bail!(
            "it can panic ({symbol}), which the verifier rejects: \
             replace indexing by `get`, and arithmetic by its wrapping or checked form"
        );
    }
    if elf.section_by_name(".BTF").is_none() {
        bail!("it has no .BTF section: debug info or the linker's --btf is missing");
    }
    let maps = elf.section_by_name(".maps").map(|section| section.index());
    let mut btf_maps: Vec<_> = elf
        .symbols()
        .filter(|symbol| maps.is_some() && symbol.section_index() == maps)
        .filter_map(|symbol| symbol.name().ok())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    btf_maps.sort();
    let programs = elf
        .sections()
        .filter(|section| section.kind() == object::SectionKind::Text && section.size() > 0)
        .filter_map(|section| section.name().ok().map(str::to_owned))
        .filter(|name| name != ".text")
        .collect();
    Ok(Summary { programs, btf_maps })
}

fn is_panic(symbol: &&str) -> bool {
    PANIC_MARKS.iter().any(|mark| symbol.contains(mark))
}
