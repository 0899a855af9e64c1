//! Names that no other run uses, and the removal of what dead runs left.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use super::namespace;

const PREFIX: &str = "sasplab";

/// Where the daemon pins its maps, one directory per instance.
pub const PINS: &str = "/sys/fs/bpf/sasp-ctl";
/// Where its control sockets are.
pub const SOCKETS: &str = "/run/sasp-ctl";

/// A name for one lab: fit for a namespace, a directory and an instance of the daemon.
pub fn unique() -> String {
    static SWEEP: Once = Once::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    SWEEP.call_once(sweep);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}-{}-{count}", std::process::id())
}

/// Removes what runs left that were killed before they could tidy up.
fn sweep() {
    for name in entries("/run/netns") {
        if is_orphan(&name) {
            namespace::remove(&name);
        }
    }
    for directory in [PINS, SOCKETS] {
        for name in entries(directory) {
            if is_orphan(&name) {
                remove(&Path::new(directory).join(name));
            }
        }
    }
}

fn entries(directory: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        // It does not exist before the first namespace, instance or socket does.
        return Vec::new();
    };
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

/// Made by a lab whose process is no more.
fn is_orphan(name: &str) -> bool {
    let mut parts = name.split('-');
    let ours = parts.next() == Some(PREFIX);
    let maker: Option<u32> = parts.next().and_then(|pid| pid.parse().ok());
    ours && maker.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
}

/// Removes a file or a directory of pins; a failure is shown, since it means that a test leaks.
pub(super) fn remove(path: &Path) {
    // `rm` knows how to remove a tree in bpffs, where directory entries come without a type.
    match Command::new("rm").arg("-rf").arg("--").arg(path).status() {
        Ok(status) if status.success() => {}
        other => eprintln!("cannot remove {}: {other:?}", path.display()),
    }
}
