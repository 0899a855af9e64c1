//! Looking at this machine and running commands on it; tests put another machine here.

use std::{
    env,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};
use xtask::{environment, linker::Linker, toolchain::Toolchain};

/// A machine to set up.
pub(super) trait Machine {
    fn is_root(&self) -> bool;

    /// Whether that program is installed.
    fn has(&self, program: &str) -> bool;

    /// Whether there is a file or directory of that absolute path.
    fn exists(&self, path: &str) -> bool;

    /// Whether the command succeeds; what it prints is not shown.
    fn succeeds(&self, program: &str, arguments: &[&str]) -> bool;

    fn toolchain(&self) -> Result<Toolchain>;

    fn linker(&self, llvm_major: u32) -> Result<Linker>;

    /// Runs a command that changes the machine, showing what it prints and how long it takes.
    fn execute(&self, command: &mut Command) -> Result<()>;
}

/// The machine we run on.
pub(super) struct ThisMachine;

impl Machine for ThisMachine {
    fn is_root(&self) -> bool {
        // A process' own directory belongs to its effective user.
        Path::new("/proc/self")
            .metadata()
            .is_ok_and(|metadata| metadata.uid() == 0)
    }

    fn has(&self, program: &str) -> bool {
        let path = env::var_os("PATH").unwrap_or_default();
        // Debian keeps sbin from users who become root by `su`, and from everybody else.
        let system = ["/usr/sbin", "/sbin"].map(PathBuf::from);
        env::split_paths(&path)
            .chain(system)
            .any(|directory| directory.join(program).is_file())
    }

    fn exists(&self, path: &str) -> bool {
        Path::new(path).exists()
    }

    fn succeeds(&self, program: &str, arguments: &[&str]) -> bool {
        Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .is_ok_and(|output| output.status.success())
    }

    fn toolchain(&self) -> Result<Toolchain> {
        Toolchain::find()
    }

    fn linker(&self, llvm_major: u32) -> Result<Linker> {
        Linker::find(llvm_major)
    }

    fn execute(&self, command: &mut Command) -> Result<()> {
        environment::forget_host_build(command);
        let shown = shown(command);
        println!("setup: $ {shown}");
        let start = Instant::now();
        let status = command
            .stdin(Stdio::null())
            .status()
            .with_context(|| format!("cannot run {shown}"))?;
        if !status.success() {
            bail!("`{shown}` failed ({status}); its own messages are above");
        }
        println!("setup: done in {:.0} s", start.elapsed().as_secs_f64());
        Ok(())
    }
}

/// The command as one would type it; a shell's script goes by its name, `$0`.
pub(super) fn shown(command: &Command) -> String {
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)))
        .map(|(name, value)| format!("{name}={value}"));
    let script = if command.get_program() == "sh" {
        "sh -c SCRIPT".split(' ').count()
    } else {
        0
    };
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args())
        .skip(script);
    let words = words.map(|word| word.to_string_lossy().into_owned());
    variables.chain(words).collect::<Vec<_>>().join(" ")
}
