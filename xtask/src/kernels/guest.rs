//! The guest's whole file system, as an initramfs: busybox, `ip`, the modules and the test binaries, with the
//! libraries that this machine runs them with.

use std::{
    collections::BTreeMap,
    fs,
    io::Cursor,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use cpio::{
    newc::{self, ModeFileType},
    write_cpio,
};
use xtask::workspace;

use super::{modules::Module, script};

/// What the tests run.
const PROGRAMS: [&str; 2] = ["ip", "sysctl"];

const DIRECTORIES: [&str; 5] = ["/dev", "/proc", "/run", "/sys", "/tmp"];

/// A file system in the making.
#[derive(Debug, Default)]
pub(super) struct Guest {
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Debug)]
enum Entry {
    Directory,
    File(Vec<u8>),
    Link(&'static str),
}

impl Guest {
    /// With everything that does not depend on the kernel.
    pub(super) fn new(busybox: &Path, tests: &[(&str, PathBuf)]) -> Result<Self> {
        let mut guest = Self::default();
        for directory in DIRECTORIES {
            guest.put(Path::new(directory), Entry::Directory);
        }
        guest.put(Path::new("/var/run"), Entry::Link("/run"));
        guest.program(Path::new("/bin/busybox"), busybox)?;
        for program in PROGRAMS {
            let path = Path::new("/usr/bin").join(program);
            guest.program(&path, &found(program)?)?;
        }
        for (name, path) in tests {
            let stripped = stripped(path)?;
            guest.libraries(path)?;
            guest.file(&Path::new(script::TESTS).join(name), stripped);
        }
        let objects = workspace::target_dir().join("bpf");
        for entry in fs::read_dir(&objects).with_context(|| objects.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().context("a file has a name")?;
            guest.copy(&Path::new(script::TARGET).join("bpf").join(name), &path)?;
        }
        Ok(guest)
    }

    /// The archive for a kernel that has these modules and starts this script.
    pub(super) fn archive(&self, modules: Vec<Module>, init: &str) -> Result<Vec<u8>> {
        let mut guest = Self::default();
        for module in modules {
            guest.file(&script::module_path(&module.name), module.bytes);
        }
        guest.file(Path::new("/init"), init.into());
        let entries = self.entries.iter().chain(&guest.entries);
        let inputs = (1..).zip(entries).map(|(number, (path, entry))| {
            let name = path.to_string_lossy();
            let builder = newc::Builder::new(name.trim_start_matches('/')).ino(number);
            let (kind, bytes) = match entry {
                Entry::Directory => (ModeFileType::Directory, &[][..]),
                Entry::File(bytes) => (ModeFileType::Regular, bytes.as_slice()),
                Entry::Link(target) => (ModeFileType::Symlink, target.as_bytes()),
            };
            let builder = builder.mode(0o755).set_mode_file_type(kind);
            (builder, Cursor::new(bytes))
        });
        write_cpio(inputs, Vec::new()).context("cannot write the initramfs")
    }

    fn put(&mut self, path: &Path, entry: Entry) {
        for directory in path.ancestors().skip(1) {
            if directory != Path::new("/") {
                self.entries
                    .entry(directory.to_owned())
                    .or_insert(Entry::Directory);
            }
        }
        self.entries.insert(path.to_owned(), entry);
    }

    fn file(&mut self, path: &Path, bytes: Vec<u8>) {
        self.put(path, Entry::File(bytes));
    }

    fn copy(&mut self, path: &Path, from: &Path) -> Result<()> {
        let bytes = fs::read(from).with_context(|| from.display().to_string())?;
        self.file(path, bytes);
        Ok(())
    }

    fn program(&mut self, path: &Path, from: &Path) -> Result<()> {
        self.libraries(from)?;
        self.copy(path, from)
    }

    /// What the program's loader would load here; nothing for a static one.
    fn libraries(&mut self, program: &Path) -> Result<()> {
        let output = Command::new("ldd").arg(program).output();
        let output = output.context("cannot run ldd")?;
        for library in libraries(&String::from_utf8_lossy(&output.stdout)) {
            self.copy(library, library)?;
        }
        Ok(())
    }
}

/// The absolute paths in what ldd prints.
fn libraries(ldd: &str) -> impl Iterator<Item = &Path> {
    ldd.split_whitespace()
        .filter(|word| word.starts_with('/'))
        .map(Path::new)
}

/// The program without its debug information, which is most of it.
fn stripped(program: &Path) -> Result<Vec<u8>> {
    let copy = program.with_extension("stripped");
    let status = Command::new("strip")
        .args(["--strip-debug", "-o"])
        .args([&copy, program])
        .status()
        .context("cannot run strip")?;
    ensure!(status.success(), "strip failed on {}", program.display());
    let bytes = fs::read(&copy).with_context(|| copy.display().to_string())?;
    fs::remove_file(&copy)?;
    Ok(bytes)
}

/// Where a program of this machine is.
fn found(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let path = std::env::split_paths(&path)
        .chain(system)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file());
    match path {
        Some(path) => Ok(path),
        None => bail!("there is no {program}: `cargo xtask setup` installs it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_static_program_brings_no_libraries() {
        assert_eq!(libraries("\tnot a dynamic executable\n").count(), 0);
    }

    #[test]
    fn the_loader_is_a_library_too() {
        let ldd = "\tlinux-vdso.so.1 (0x00007ffc)\n\
                   \tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f9a)\n\
                   \t/lib64/ld-linux-x86-64.so.2 (0x00007f9b)\n";
        let found: Vec<_> = libraries(ldd).collect();
        assert_eq!(
            found,
            [
                "/lib/x86_64-linux-gnu/libc.so.6",
                "/lib64/ld-linux-x86-64.so.2"
            ]
            .map(Path::new)
        );
    }
}
