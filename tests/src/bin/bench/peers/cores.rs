//! Which core does what. The box has one for itself, the other is for everybody else: clients and members.
//!
//! Processes are bound by affinity, which they inherit from the thread that starts them. Packets need more: a veth
//! handles what it receives on the core of the sender. In threaded mode it hands that to a kernel thread, which is
//! bound like a process; GRO is switched on, because a veth without it and without XDP has no such thread.
//!
//! All of them come before whatever else the machine does, and before nobody among themselves.

use std::collections::BTreeSet;
use std::{fs, io};

use anyhow::{Context as _, Result, ensure};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use tests::lab::namespace::Namespace;

/// The highest priority that a process can have.
const FIRST: i32 = -20;

/// The cores of the machine that are used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cores {
    /// Clients, members, generator.
    pub(super) others: usize,
    /// The box alone.
    pub(super) edge: usize,
}

impl Cores {
    /// The first two that this process may use.
    pub(super) fn choose() -> Result<Self> {
        let ours = sched_getaffinity(Pid::from_raw(0)).context("cannot ask for our cores")?;
        let mut usable = (0..CpuSet::count()).filter(|cpu| ours.is_set(*cpu) == Ok(true));
        match (usable.next(), usable.next()) {
            (Some(others), Some(edge)) => Ok(Self { others, edge }),
            _ => anyhow::bail!("comparing with peers needs two cores: one for the box alone"),
        }
    }

    /// Runs `start` with this thread, and whatever it starts, on the core of the box.
    pub(super) fn at_edge<T>(&self, start: impl FnOnce() -> Result<T>) -> Result<T> {
        bind_this_thread(self.edge)?;
        let started = start();
        bind_this_thread(self.others)?;
        started
    }

    /// From now on a core does what arrives at these interfaces, and nothing else does.
    pub(super) fn receive_on(core: usize, interfaces: &[(&Namespace, &str)]) -> Result<()> {
        let before = napi_threads()?;
        for (namespace, interface) in interfaces {
            // sysfs shows the namespace in which it was mounted, and `ip netns exec` mounts it anew.
            let script = format!(
                "ethtool -K {interface} gro on && echo 1 >/sys/class/net/{interface}/threaded"
            );
            tests::lab::namespace::run(
                std::process::Command::new("ip")
                    .args(["netns", "exec", namespace.name()])
                    .args(["sh", "-c", &script]),
            )
            .context("threaded NAPI")?;
        }
        let threads = napi_threads()?;
        let new: Vec<_> = threads.difference(&before).collect();
        ensure!(
            new.len() == interfaces.len(),
            "{} interfaces have got {} threads for what they receive: is another benchmark running?",
            interfaces.len(),
            new.len()
        );
        new.into_iter()
            .try_for_each(|pid| bind(Pid::from_raw(*pid), core))
    }
}

/// Kernel threads that handle what interfaces receive.
fn napi_threads() -> Result<BTreeSet<i32>> {
    let processes = fs::read_dir("/proc").context("cannot list processes")?;
    Ok(processes
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            // One that has ended meanwhile has no name.
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
            name.starts_with("napi/").then_some(pid)
        })
        .collect())
}

/// Binds this thread, and what it will start.
pub(super) fn bind_this_thread(core: usize) -> Result<()> {
    bind(Pid::from_raw(0), core)
}

fn bind(process: Pid, core: usize) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(core)?;
    sched_setaffinity(process, &cpus).with_context(|| format!("cannot bind to core {core}"))?;
    // SAFETY: setpriority(2) takes three integers.
    let result = unsafe { libc::setpriority(libc::PRIO_PROCESS, process.as_raw() as u32, FIRST) };
    ensure!(result == 0, "no priority: {}", io::Error::last_os_error());
    Ok(())
}
