//! Which `bpf-linker` links the BPF object, and for which LLVM it was built.
//!
//! `rustc` hands it LLVM bitcode, which an LLVM of another major may not read, so the two must
//! match. `bpf-linker` does not say which LLVM it holds; its binary does.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use object::{
    Endianness,
    elf::{DT_NEEDED, FileHeader64},
    read::elf::{Dyn as _, ElfFile64, FileHeader as _, SectionHeader as _},
};

#[cfg(test)]
mod tests;

/// The name of the program.
pub const NAME: &str = "bpf-linker";

/// A `bpf-linker` found on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linker {
    /// Where it is.
    pub path: PathBuf,
    /// The LLVM it was built with; `None` if the binary does not tell.
    pub llvm_major: Option<u32>,
}

impl Linker {
    /// Finds it in the `PATH`, then where `cargo install` puts programs.
    ///
    /// # Errors
    /// If it is nowhere, or cannot be read.
    pub fn find() -> Result<Self> {
        let path = search_path()
            .map(|directory| directory.join(NAME))
            .find(|path| path.is_file())
            .context("bpf-linker is not installed: run `cargo xtask setup`")?;
        let binary = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self {
            llvm_major: llvm_major(&binary),
            path,
        })
    }

    /// Whether it may read the bitcode of an LLVM of that major.
    pub fn suits(&self, llvm_major: u32) -> bool {
        self.llvm_major.is_none_or(|own| own == llvm_major)
    }

    /// The directory it is in, which the compiler needs in its `PATH`.
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }
}

fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path: Vec<_> = env::split_paths(&path).collect();
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    in_path
        .into_iter()
        .chain(cargo_home.map(|home| home.join("bin")))
}

/// The LLVM in a `bpf-linker` binary: by the shared library it asks for or, where LLVM is linked
/// statically, by the producer's mark that LLVM writes into bitcode.
fn llvm_major(binary: &[u8]) -> Option<u32> {
    needed_libraries(binary)
        .unwrap_or_default()
        .iter()
        .find_map(|library| library_major(library))
        .or_else(|| producer_major(binary))
}

/// `libLLVM.so.22.1` (upstream, Debian) or `libLLVM-22.so` (other distributions) is 22.
fn library_major(library: &str) -> Option<u32> {
    let version = library
        .strip_prefix("libLLVM")?
        .trim_start_matches(".so")
        .get(1..)?;
    leading_number(version.as_bytes())
}

fn producer_major(binary: &[u8]) -> Option<u32> {
    let text = b"LLVM";
    binary.windows(text.len() + 3).find_map(|window| {
        // Two digits and a dot: no LLVM that concerns us has another form.
        let version = window.strip_prefix(text)?;
        (version[2] == b'.')
            .then(|| leading_number(&version[..2]))
            .flatten()
    })
}

fn leading_number(text: &[u8]) -> Option<u32> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    str::from_utf8(&text[..digits]).ok()?.parse().ok()
}

fn needed_libraries(binary: &[u8]) -> object::Result<Vec<String>> {
    let elf = ElfFile64::<Endianness>::parse(binary)?;
    let header: &FileHeader64<Endianness> = elf.elf_header();
    let endian = header.endian()?;
    let sections = header.sections(endian, binary)?;
    let mut libraries = Vec::new();
    for section in sections.iter() {
        let Some((entries, strings)) = section.dynamic(endian, binary)? else {
            continue;
        };
        let strings = sections.strings(endian, binary, strings)?;
        for entry in entries
            .iter()
            .filter(|entry| entry.tag(endian) == DT_NEEDED)
        {
            let name = entry.string(endian, strings)?;
            libraries.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(libraries)
}
