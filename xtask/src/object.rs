//! What a good BPF object must and must not contain.
//!
//! It does not load anything: the verifier has the last word. What is checked here is what the
//! verifier would only complain about far from the cause.

use anyhow::{Context as _, Result, bail};
use object::{
    Endianness, Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind,
    elf::FileHeader64,
    read::elf::{ElfFile64, ElfSymbol},
};

mod stack;
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

type Elf<'a> = ElfFile64<'a, Endianness>;

/// What an object holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Summary {
    /// Entry points.
    pub programs: Vec<String>,
    /// Maps declared through BTF.
    pub btf_maps: Vec<String>,
    /// Stack that the deepest chain of calls takes, in bytes.
    pub stack: u64,
}

/// Checks a BPF object and says what is in it.
///
/// # Errors
/// If it is no ELF file, has no BTF, has code that can panic, or needs more stack than there is.
pub fn inspect(object: &[u8]) -> Result<Summary> {
    let elf = Elf::parse(object).context("not an ELF file")?;
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
    Ok(Summary {
        programs: names(&elf, |symbol, section| {
            symbol.kind() == SymbolKind::Text && symbol.is_global() && section != ".text"
        }),
        btf_maps: names(&elf, |_, section| section == ".maps"),
        stack: stack::deepest(&elf)?,
    })
}

/// The sorted names of the symbols of which `wanted` says so, given their section's name.
fn names<'a>(
    elf: &Elf<'a>,
    wanted: impl Fn(&ElfSymbol<'a, '_, FileHeader64<Endianness>>, &str) -> bool,
) -> Vec<String> {
    let mut names: Vec<_> = elf
        .symbols()
        .filter(|symbol| {
            let section = symbol
                .section_index()
                .and_then(|index| elf.section_by_index(index).ok());
            let section = section.as_ref().and_then(|section| section.name().ok());
            section.is_some_and(|section| wanted(symbol, section))
        })
        .filter_map(|symbol| symbol.name().ok())
        // A section is a symbol too, without a name.
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

fn is_panic(symbol: &&str) -> bool {
    PANIC_MARKS.iter().any(|mark| symbol.contains(mark))
}
