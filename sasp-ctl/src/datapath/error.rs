//! Why the data plane could not be put, read, changed or taken off: one line each, with what to do.

use std::io;
use std::path::{Path, PathBuf};

use aya::maps::MapError;
use aya::pin::PinError;
use aya::programs::ProgramError;
use thiserror::Error;

/// See the module.
#[derive(Debug, Error)]
pub enum Error {
    /// The program was left out when this binary was built.
    #[error(
        "built without data plane: build again without SASP_CTL_SKIP_EBPF (cargo xtask setup brings the BPF tools)"
    )]
    NoObject,
    /// Not a name for an instance.
    #[error(
        "instance name '{name}' is not usable: take 1 to 64 printable ASCII characters without '/'"
    )]
    BadInstance {
        /// As given.
        name: String,
    },
    /// No interface given.
    #[error("no interface given: name at least one to attach to")]
    NoInterface,
    /// There is no such interface.
    #[error("interface {name} does not exist in this network namespace: see `ip link`")]
    MissingInterface {
        /// As given.
        name: String,
    },
    /// A capability is missing.
    #[error("{0} is missing: run as root, or grant CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON")]
    MissingCapability(&'static str),
    /// The kernel counts maps as locked memory, and we may not raise the limit.
    #[error(
        "Linux {release} counts BPF maps as locked memory, which is limited here: grant CAP_SYS_RESOURCE too, \
         or LimitMEMLOCK=infinity"
    )]
    LockedMemory {
        /// As the kernel names itself.
        release: String,
    },
    /// Root, but of a user namespace.
    #[error(
        "this user namespace cannot load BPF programs, whatever its capabilities: \
         run as the host's root (CAP_BPF counts in the initial user namespace only)"
    )]
    UserNamespace,
    /// The kernel is too old.
    #[error("Linux {found} is too old: the data plane needs {needed} or newer")]
    OldKernel {
        /// As the kernel names itself.
        found: String,
        /// The oldest that will do.
        needed: &'static str,
    },
    /// Somebody else's XDP program.
    #[error(
        "{interface} already runs another XDP program (id {id}, {name}): stop what attached it, then attach again; \
         if nothing runs any more, a pinned link holds it (`bpftool link show pinned`: remove the pin) \
         or else `ip link set dev {interface} xdp off` takes it away"
    )]
    ForeignProgram {
        /// Where.
        interface: String,
        /// Of the program.
        id: u32,
        /// Of the program, as the kernel shows it.
        name: String,
    },
    /// The program of another instance of ours.
    #[error(
        "{interface} runs the program of instance {instance}{}: take that off with `sasp-ctl detach {interface}`, \
         or go on with it by --instance {instance}",
        former(interface, attached_as)
    )]
    OtherInstance {
        /// Where.
        interface: String,
        /// Whose program runs there.
        instance: String,
        /// The interface's name when it was attached.
        attached_as: String,
    },
    /// The pins lead to interfaces of another network namespace.
    #[error(
        "instance {instance} is attached to {interface} in another network namespace: \
         give this one another name with --instance"
    )]
    OtherNamespace {
        /// The name that both have.
        instance: String,
        /// The interface's name there.
        interface: String,
    },
    /// Another daemon runs this instance.
    #[error("instance {instance} is run by process {pid}: stop that first")]
    Locked {
        /// The instance.
        instance: String,
        /// Who holds the lock; "unknown" in the moment in which it starts.
        pid: String,
    },
    /// Pins of another version of the map layout.
    #[error(
        "{path} was pinned by another version of sasp-ctl and cannot be adopted: \
         run `sasp-ctl detach` first (forwarding stops until it is attached again)"
    )]
    OtherVersion {
        /// The directory.
        path: PathBuf,
    },
    /// A pinned map or link is not what this version would have made.
    #[error("pinned {name} cannot be adopted ({why}): run `sasp-ctl detach`, then attach again")]
    BadPin {
        /// Name of the map or link.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A size that cannot be.
    #[error("map size {what} = {given} is impossible: choose 1 to {max}")]
    BadSize {
        /// Which one.
        what: &'static str,
        /// As given.
        given: u32,
        /// The largest possible.
        max: u32,
    },
    /// The program does not run on an interface.
    #[error("cannot attach to {interface} in {mode} mode: {why}")]
    Attach {
        /// Where.
        interface: String,
        /// How.
        mode: super::options::RunsIn,
        /// Why, and what helps.
        why: String,
    },
    /// Packets from a native interface to one that is not would be lost.
    #[error(
        "{native} in native mode and {generic} in generic mode cannot work together: run `sasp-ctl detach`, then attach \
         again"
    )]
    MixedModes {
        /// Interfaces that would run so.
        native: String,
        /// Interfaces that would run so.
        generic: String,
    },
    /// No bpffs.
    #[error("no bpffs at {path}: {why}")]
    NoBpffs {
        /// Where it was looked for.
        path: PathBuf,
        /// What is wrong, and what helps.
        why: String,
    },
    /// The kernel refused the object.
    #[error("the kernel refused the data plane: {0}")]
    Load(String),
    /// The program could not be tried.
    #[error("cannot run the program on a frame: {0}")]
    Run(String),
    /// An index or id that the maps have no room for.
    #[error("{what} {index} is beyond the map's {size} entries")]
    OutOfRange {
        /// Backend or service.
        what: &'static str,
        /// The index.
        index: u32,
        /// Entries of the map.
        size: u32,
    },
    /// A map operation failed.
    #[error("cannot {doing}: {said}{}", advice(said))]
    Map {
        /// What was tried.
        doing: String,
        /// What the kernel said.
        said: io::Error,
    },
    /// A file operation failed.
    #[error("cannot {doing} {path}: {said}{}", advice(said))]
    File {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the kernel said.
        said: io::Error,
    },
    /// A netlink request failed.
    #[error("cannot ask the kernel for {what}: {said}{}", advice(said))]
    Netlink {
        /// What was asked.
        what: String,
        /// What it said.
        said: io::Error,
    },
}

/// Changes could not all be made.
#[derive(Debug, Error)]
#[error("{why}")]
pub struct Halted {
    /// How many were, from the first on. The way on is to make the others: those that were made may not be made again
    /// once something came behind them, for a backend's index may have another owner by then.
    pub made: usize,
    /// Why the next one was not.
    pub why: Error,
}

impl Error {
    /// For `map_err` of a file operation on `path`.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |said| Self::File {
            doing,
            path: path.to_owned(),
            said,
        }
    }

    /// For `map_err` of pinning something at `path`.
    pub(super) fn pin(path: &Path) -> impl FnOnce(PinError) -> Self {
        move |error| Self::File {
            doing: "pin",
            path: path.to_owned(),
            said: match error {
                PinError::SyscallError(error) => error.io_error,
                other => io::Error::other(chain(&other)),
            },
        }
    }

    /// For `map_err` of a map operation.
    pub(super) fn map(doing: impl Into<String>) -> impl FnOnce(MapError) -> Self {
        move |error| Self::Map {
            doing: doing.into(),
            said: map_io(error),
        }
    }

    /// For `map_err` of a map operation made by a system call of our own.
    pub(super) fn map_call(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |said| Self::Map {
            doing: doing.into(),
            said,
        }
    }
}

fn former(interface: &str, attached_as: &str) -> String {
    match interface == attached_as {
        true => String::new(),
        false => format!(" (attached as {attached_as})"),
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => ": run as root",
        io::ErrorKind::ReadOnlyFilesystem => ": make it writable, for state is kept there",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ": make room there",
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            ": something else has that name, move it away"
        }
        io::ErrorKind::OutOfMemory => ": free some memory, or configure smaller maps",
        _ => "",
    }
}

/// What the kernel said, without aya's words around it.
pub(super) fn map_io(error: MapError) -> io::Error {
    match error {
        MapError::SyscallError(error) => error.io_error,
        MapError::CreateError { io_error, .. } => io_error,
        other => io::Error::other(chain(&other)),
    }
}

/// An error and its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        // Some of aya's errors print their cause themselves.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    one_line(&text)
}

/// Why the kernel refused a program, in one line; the verifier's whole log goes to the log at level debug.
pub(super) fn verdict(error: &ProgramError) -> String {
    let ProgramError::LoadError {
        io_error,
        verifier_log,
    } = error
    else {
        return chain(error);
    };
    let log = verifier_log.to_string();
    tracing::debug!("verifier log:\n{log}");
    let mut lines = log.lines().map(str::trim);
    // After its reason come statistics.
    let is_reason = |line: &&str| {
        let statistics = ["processed ", "verification time", "stack depth"];
        !line.is_empty() && !statistics.iter().any(|start| line.starts_with(start))
    };
    match lines.rfind(is_reason) {
        Some(last) => format!("{io_error}; the verifier's last words: {last}"),
        None => io_error.to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
