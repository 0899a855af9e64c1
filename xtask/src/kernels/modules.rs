//! A kernel's modules, with what they depend on.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use object::{Object as _, ObjectSection as _};

/// A module as the kernel loads it.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// The modules of a kernel.
#[derive(Debug)]
pub(super) struct Modules<'a> {
    files: BTreeMap<String, PathBuf>,
    built_in: String,
    busybox: &'a Path,
}

impl<'a> Modules<'a> {
    /// Looks what is there; busybox unpacks what is compressed.
    pub(super) fn new(directory: &Path, busybox: &'a Path) -> Result<Self> {
        let mut files = BTreeMap::new();
        let mut directories = vec![directory.join("kernel")];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory)? {
                let path = entry?.path();
                if path.is_dir() {
                    directories.push(path);
                } else if let Some(name) = name(&path) {
                    files.insert(name, path);
                }
            }
        }
        let built_in = directory.join("modules.builtin");
        Ok(Self {
            files,
            built_in: fs::read_to_string(&built_in)
                .with_context(|| built_in.display().to_string())?,
            busybox,
        })
    }

    /// Puts a module behind those that it depends on. What is loaded already is not loaded again.
    pub(super) fn add(&self, wanted: &str, loaded: &mut Vec<Module>) -> Result<()> {
        let known = loaded.iter().any(|module| module.name == wanted);
        if known || self.is_built_in(wanted) {
            return Ok(());
        }
        let path = self
            .files
            .get(wanted)
            .with_context(|| format!("the kernel has no module {wanted}"))?;
        let bytes = self.read(path)?;
        for dependency in dependencies(&bytes).with_context(|| format!("module {wanted}"))? {
            self.add(&dependency, loaded)?;
        }
        loaded.push(Module {
            name: wanted.to_owned(),
            bytes,
        });
        Ok(())
    }

    fn is_built_in(&self, wanted: &str) -> bool {
        let names = self.built_in.lines().map(Path::new).filter_map(name);
        names.into_iter().any(|name| name == wanted)
    }

    fn read(&self, path: &Path) -> Result<Vec<u8>> {
        if path.extension().is_none_or(|extension| extension != "xz") {
            return fs::read(path).with_context(|| path.display().to_string());
        }
        let output = Command::new(self.busybox).arg("xzcat").arg(path).output()?;
        ensure!(output.status.success(), "cannot unpack {}", path.display());
        Ok(output.stdout)
    }
}

/// The module's name, if the file is one. Dashes and underscores are the same to the kernel.
fn name(path: &Path) -> Option<String> {
    let (name, extension) = path.file_name()?.to_str()?.split_once('.')?;
    matches!(extension, "ko" | "ko.xz").then(|| name.replace('-', "_"))
}

/// What the module's own description says that it needs.
fn dependencies(module: &[u8]) -> Result<Vec<String>> {
    let elf = object::File::parse(module).context("not an ELF file")?;
    let section = elf.section_by_name(".modinfo").context("no .modinfo")?;
    let entries = section
        .data()
        .context("no .modinfo")?
        .split(|byte| *byte == 0);
    let depends = entries
        .filter_map(|entry| entry.strip_prefix(b"depends="))
        .flat_map(|names| names.split(|byte| *byte == b','))
        .filter(|name| !name.is_empty());
    Ok(depends
        .map(|name| String::from_utf8_lossy(name).replace('-', "_"))
        .collect())
}
