//! Which `bpf-linker` links the BPF object, and for which LLVM it was built.
//!
//! `rustc` hands it LLVM bitcode, which an LLVM of another major may not read, so the two must
//! match. `bpf-linker` does not say which LLVM it holds; its binary does.

use std::{env, fs, path::PathBuf, time::UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
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
    /// The LLVM it was built with; `None` if the binary does not tell, and then it gets the
    /// benefit of the doubt.
    pub llvm_major: Option<u32>,
}

impl Linker {
    /// Finds one for the bitcode of that LLVM in the `PATH`, then where `cargo install` puts
    /// programs.
    ///
    /// # Errors
    /// If there is none, or none for that LLVM, or one cannot be read.
    pub fn find(llvm_major: u32) -> Result<Self> {
        let mut found = Vec::new();
        for path in search_path().map(|directory| directory.join(NAME)) {
            if path.is_file() {
                found.push(Self::read(path)?);
            }
        }
        Self::choose(found, llvm_major)
    }

    fn read(path: PathBuf) -> Result<Self> {
        let binary = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(Self {
            llvm_major: built_for(&binary),
            path,
        })
    }

    fn choose(found: Vec<Self>, llvm_major: u32) -> Result<Self> {
        let mut others = Vec::new();
        for linker in found {
            match linker.llvm_major {
                Some(other) if other != llvm_major => others.push(linker),
                _ => return Ok(linker),
            }
        }
        match others.as_slice() {
            [] => bail!("bpf-linker is not installed: run `cargo xtask setup`"),
            [
                Self {
                    path,
                    llvm_major: other,
                },
                ..,
            ] => bail!(
                "{} was built for LLVM {}, but rustc uses LLVM {llvm_major}: \
                 run `cargo xtask setup`",
                path.display(),
                other.unwrap_or_default(),
            ),
        }
    }

    /// When it was last changed, in seconds since 1970.
    ///
    /// # Errors
    /// If it has vanished meanwhile.
    pub fn modified(&self) -> Result<u64> {
        let modified = fs::metadata(&self.path)
            .and_then(|metadata| metadata.modified())
            .with_context(|| format!("cannot read {}", self.path.display()))?;
        Ok(modified
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs())
    }
}

fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let in_path: Vec<_> = env::split_paths(&path).collect();
    let installed = ["CARGO_INSTALL_ROOT", "CARGO_HOME"]
        .into_iter()
        .filter_map(env::var_os)
        .map(PathBuf::from)
        .chain(env::home_dir().map(|home| home.join(".cargo")))
        .map(|root| root.join("bin"));
    in_path.into_iter().chain(installed)
}

/// The LLVM in a `bpf-linker` binary: by the shared library it asks for or, where LLVM is linked
/// statically, by the producer's mark that LLVM writes into bitcode.
fn built_for(binary: &[u8]) -> Option<u32> {
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
