//! What the balancer says of itself, asked over its control socket: fast enough to time what it does.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::site::Site;

/// A member as the balancer sees it.
#[derive(Clone, PartialEq, Debug)]
pub struct Member {
    /// Slots that it owns.
    pub slots: u64,
    /// Share of slots that its weight asks for, 0 to 1.
    pub wanted: f64,
    /// Share of slots that it has, 0 to 1.
    pub share: f64,
    /// In one word.
    pub state: String,
}

/// The status of the edge's balancer, as JSON.
///
/// # Errors
/// If no daemon runs, or it answers something else than JSON.
pub fn read(site: &Site) -> Result<Value> {
    let mut stream = UnixStream::connect(site.socket()).context("no daemon")?;
    stream.write_all(b"GET /status HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .context("the daemon hung up")?;
    ensure!(head.starts_with("HTTP/1.1 200 "), "{head}: {body}");
    serde_json::from_str(body).with_context(|| format!("status is not JSON: {body}"))
}

/// The members of a service by their address (`ADDR:PORT`).
///
/// # Errors
/// If there is no such service, or a field is not as it should be.
pub fn members(status: &Value, vip: &str) -> Result<BTreeMap<String, Member>> {
    service(status, vip)?["members"]
        .as_array()
        .context("no list of members")?
        .iter()
        .map(|member| {
            let field = |name: &str| {
                member
                    .get(name)
                    .with_context(|| format!("a member has no {name}: {member}"))
            };
            let address = field("address")?.as_str().context("address")?.to_owned();
            let known = Member {
                slots: field("slots")?.as_u64().context("slots")?,
                wanted: field("share_wanted")?.as_f64().context("share_wanted")?,
                share: field("share")?.as_f64().context("share")?,
                state: field("state")?.as_str().context("state")?.to_owned(),
            };
            Ok((address, known))
        })
        .collect()
}

/// A service by its VIP (`ADDR:PORT`).
///
/// # Errors
/// If there is none.
pub fn service<'a>(status: &'a Value, vip: &str) -> Result<&'a Value> {
    status["services"]
        .as_array()
        .and_then(|services| services.iter().find(|service| service["vip"] == vip))
        .with_context(|| format!("no service has the VIP {vip}: {status}"))
}
