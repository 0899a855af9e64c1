//! What the kernel of a host has counted.

use std::fs;

use anyhow::{Context as _, Result};

use super::namespace::Namespace;

/// A counter of `/proc/net/snmp` (`Udp`, `InErrors`) or `/proc/net/netstat` (`TcpExt`, `ListenDrops`).
///
/// # Errors
/// If there is no such counter.
pub fn read(namespace: &Namespace, protocol: &str, name: &str) -> Result<u64> {
    let text = namespace.inside(|| -> Result<String> {
        // The thread's own view: that of the process is another namespace's.
        let snmp = fs::read_to_string("/proc/thread-self/net/snmp")?;
        let netstat = fs::read_to_string("/proc/thread-self/net/netstat")?;
        Ok(snmp + &netstat)
    })??;
    let prefix = format!("{protocol}: ");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&prefix));
    let names = lines.next().context("no such protocol")?;
    let values = lines.next().context("no values")?;
    names
        .split(' ')
        .zip(values.split(' '))
        .find(|(candidate, _)| *candidate == name)
        .with_context(|| format!("no counter {protocol} {name}"))?
        .1
        .parse()
        .context("not a number")
}

/// A counter of `/proc/net/snmp6` (`Udp6InErrors`).
///
/// # Errors
/// If there is no such counter.
pub fn read_v6(namespace: &Namespace, name: &str) -> Result<u64> {
    let text = namespace.inside(|| fs::read_to_string("/proc/thread-self/net/snmp6"))??;
    let value = text.lines().find_map(|line| {
        let (candidate, value) = line.split_once(char::is_whitespace)?;
        (candidate == name).then(|| value.trim().parse())
    });
    value
        .with_context(|| format!("no counter {name}"))?
        .context("not a number")
}
