//! The network around the program: a namespace of this thread's own, of which the replies of `nat` need a route, a
//! neighbour and that the host forwards.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use nix::sched::{CloneFlags, unshare};

const COMMANDS: [&str; 8] = [
    "ip link set lo up",
    "ip link add beyond type veth peer name peer",
    "ip link set peer up",
    "ip link set beyond up",
    "ip address add 172.16.0.2/24 dev beyond",
    "ip route add default via 172.16.0.1",
    "ip neighbour add 172.16.0.1 lladdr 02:00:00:00:00:fe dev beyond nud permanent",
    "sysctl -qw net.ipv4.conf.all.forwarding=1",
];

/// Moves this thread there.
pub(super) fn enter() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
    for command in COMMANDS {
        let mut words = command.split(' ');
        let program = words.next().unwrap_or_default();
        let status = Command::new(program).args(words).status();
        let status = status.with_context(|| format!("cannot run {program}"))?;
        ensure!(status.success(), "{command}: {status}");
    }
    Ok(())
}
