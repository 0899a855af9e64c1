//! The distribution's packages, where the distribution is Debian or a child of it.

use std::process::Command;

use anyhow::{Result, bail};

use super::machine::Machine;

/// Keeps freshly installed packages from starting their services (invoke-rc.d and
/// deb-systemd-invoke both ask this script), unless the machine has a policy of its own.
///
/// The shell's traps take it away again, also when the user interrupts.
const INSTALL: &str = r#"
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi
apt-get "$@"
"#;

/// Fails rather than removing a package of the user's, and waits for another apt to finish.
const OPTIONS: [&str; 5] = [
    "install",
    "--yes",
    "--no-remove",
    "--no-install-recommends",
    "-oDPkg::Lock::Timeout=120",
];

/// Installs packages by one apt-get, after refreshing its lists unless that has been done.
pub(super) fn install(
    machine: &dyn Machine,
    packages: &[String],
    lists_are_fresh: &mut bool,
) -> Result<()> {
    let list = packages.join(" ");
    if !machine.has("apt-get") {
        bail!("this distribution has no apt-get; install by hand what Debian calls: {list}");
    }
    if !machine.is_root() {
        bail!(
            "only root can install packages: run this as root, or \
             `sudo apt-get install --no-install-recommends {list}` before it"
        );
    }
    if !*lists_are_fresh {
        machine.execute(Command::new("apt-get").args(["update", "-q"]))?;
        *lists_are_fresh = true;
    }
    let mut command = Command::new("sh");
    command
        .args(["-c", INSTALL, "apt-get"])
        .args(OPTIONS)
        .args(packages);
    machine.execute(command.env("DEBIAN_FRONTEND", "noninteractive"))
}
