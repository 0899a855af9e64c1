//! Names that no other run uses, and the removal of what dead runs left.

use std::fs;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use super::namespace;
use super::pins;

const PREFIX: &str = "sasplab";

/// A name for one lab: fit for a namespace and a directory.
pub fn unique() -> String {
    static SWEEP: Once = Once::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    SWEEP.call_once(sweep);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("{PREFIX}-{}-{count}", std::process::id())
}

/// Removes what runs left that were killed before they could tidy up.
fn sweep() {
    for name in entries(Path::new("/run/netns")) {
        if is_orphan(&name) {
            namespace::remove(&name);
        }
    }
    let temporary = std::env::temp_dir();
    for name in entries(&temporary) {
        if is_orphan(&name) {
            remove(&temporary.join(name));
        }
    }
}

fn entries(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else {
        // It does not exist before the first namespace does.
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

fn remove(directory: &Path) {
    pins::unmount(directory);
    if let Err(error) = fs::remove_dir_all(directory) {
        eprintln!("cannot remove {}: {error}", directory.display());
    }
}
