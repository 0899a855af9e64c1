//! A network namespace, named so that `ip netns` shows it.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context as _, Result, ensure};
use nix::sched::{CloneFlags, setns};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A network namespace with loopback up. Dropping it ends every process inside.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    handle: File,
}

impl Namespace {
    /// Makes one.
    ///
    /// # Errors
    /// If we are not root or the name is taken.
    pub fn new(name: String) -> Result<Self> {
        run(Command::new("ip").args(["netns", "add", &name]))?;
        let namespace = match File::open(path(&name)) {
            Ok(handle) => Self { name, handle },
            Err(error) => {
                remove(&name);
                return Err(error).context("cannot open the new namespace");
            }
        };
        namespace.inside(|| {
            // Addresses are usable at once: nobody else is here to claim them.
            sysctl("net/ipv6/conf/all/accept_dad", "0")?;
            sysctl("net/ipv6/conf/default/accept_dad", "0")
        })??;
        namespace.ip("link set lo up")?;
        Ok(namespace)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs lines of `ip -batch`.
    ///
    /// # Errors
    /// What `ip` says.
    pub fn ip(&self, lines: &str) -> Result<()> {
        let mut child = Command::new("ip")
            .args(["-n", &self.name, "-batch", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run ip")?;
        let mut stdin = child.stdin.take().context("ip has no stdin")?;
        stdin.write_all(lines.as_bytes())?;
        drop(stdin);
        let output = child.wait_with_output()?;
        ensure!(
            output.status.success(),
            "{}: ip: {}",
            self.name,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        Ok(())
    }

    /// Runs a program inside and waits for its end; gives its output.
    ///
    /// # Errors
    /// If it cannot be started or fails.
    pub fn output(&self, program: &str, args: &[&str]) -> Result<String> {
        run(self.command(program)?.args(args))
    }

    /// A command that will run inside. The process dies with the thread that starts it.
    ///
    /// # Errors
    /// If there are no file descriptors left.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Result<Command> {
        let mut command = Command::new(program);
        let handle = self.handle.try_clone().context("namespace handle")?;
        // SAFETY: between fork and exec only two system calls are made, and nothing is allocated.
        unsafe {
            command.pre_exec(move || {
                setns(&handle, CloneFlags::CLONE_NEWNET)?;
                prctl::set_pdeathsig(Signal::SIGKILL)?;
                Ok(())
            });
        }
        Ok(command)
    }

    /// Runs `f` on a thread inside.
    ///
    /// # Errors
    /// If the thread cannot enter.
    pub fn inside<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T> {
        thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.enter()?;
                Ok(f())
            });
            match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Moves this thread inside, for good.
    ///
    /// # Errors
    /// If we are not root.
    pub fn enter(&self) -> Result<()> {
        setns(&self.handle, CloneFlags::CLONE_NEWNET)
            .with_context(|| format!("cannot enter namespace {}", self.name))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Ends whatever runs in a namespace and removes it; a failure is shown, since it means that a test leaks.
pub(super) fn remove(name: &str) {
    let pids = run(Command::new("ip").args(["netns", "pids", name]));
    for pid in pids.iter().flat_map(|pids| pids.split_whitespace()) {
        if let Ok(pid) = pid.parse() {
            // It may have ended by itself meanwhile.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
    if let Err(error) = run(Command::new("ip").args(["netns", "del", name])) {
        eprintln!("cannot remove namespace {name}: {error:#}");
    }
}

/// Writes a sysctl of the namespace that this thread is in; `key` with slashes.
///
/// # Errors
/// If there is no such key or it refuses the value.
pub fn sysctl(key: &str, value: &str) -> Result<()> {
    let path = Path::new("/proc/sys").join(key);
    fs::write(&path, value).with_context(|| format!("cannot write {}", path.display()))
}

fn path(name: &str) -> PathBuf {
    Path::new("/run/netns").join(name)
}

/// Runs a command to its end; gives its output.
///
/// # Errors
/// If it cannot be started or fails, with what it wrote to stderr.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
