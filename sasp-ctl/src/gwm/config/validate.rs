//! From what was typed to a [`Config`], or to the first reason why not.

mod admission;
mod tls;
mod weights;

use std::path::PathBuf;
use std::time::Duration;

use toml::Spanned;

use super::Config;
use super::raw::{RawConfig, RawLimits};
use crate::config::ConfigError;
use crate::config::source::Source;
use crate::config::values::{duration_from, duration_in, number_in, socket_address};
use crate::sasp::gwm::{Limits, Policy};
use crate::sasp::msg::Name;

/// Below it, replies and pushes of one balancer would keep a CPU busy.
const INTERVAL_MIN: Duration = Duration::from_millis(100);
/// What the 16-bit Interval of a Get Weights reply can say (RFC 4678 section 7.3.2).
const INTERVAL_MAX: Duration = Duration::from_secs(u16::MAX as u64);

pub(super) fn config(raw: &RawConfig, source: &Source) -> Result<Config, ConfigError> {
    let default = Config::default();
    let listen = match &raw.listen {
        Some(text) => socket_address(text, "0.0.0.0:3860", source)?,
        None => default.listen,
    };
    let shown_at = |text| socket_address(text, "127.0.0.1:9687", source);
    let status = raw.status.as_ref().map(shown_at).transpose()?;
    let state = raw.state.as_ref().map(|path| absolute(path, source));
    let interval = duration_in(
        &raw.interval,
        default.policy.interval,
        INTERVAL_MIN..=INTERVAL_MAX,
        source,
    )?;
    let grace = duration_from(&raw.grace, default.policy.grace, Duration::ZERO, source)?;
    let (limits, message_bytes) = limits(&raw.limits, &default, source)?;
    let mut warnings = Vec::new();
    let tls = match &raw.tls {
        Some(tls) => Some(tls::tls(tls, source, &mut warnings)?),
        None => None,
    };
    let has_tls = tls.is_some();
    let admission = admission::admission(&raw.balancer, &limits, has_tls, source)?;
    let member_rules = admission::member_rules(&raw.member, has_tls, source)?;
    let (weights, rules) = weights::weights(&raw.weights, &admission, &limits, source)?;
    if grace < interval * 3 {
        warnings.push(format!(
            "grace {grace:?} is less than three intervals of {interval:?}: a balancer that reconnects may find \
             its groups forgotten"
        ));
    }
    Ok(Config {
        listen,
        status,
        state: state.transpose()?,
        message_bytes,
        tls,
        policy: Policy {
            interval,
            grace,
            admission,
            members_speak_for_themselves: raw.members_only_from_own_address,
            member_rules,
            weights,
            limits,
        },
        rules,
        warnings,
    })
}

/// Where a daemon is started from is nothing to depend on.
fn absolute(path: &Spanned<PathBuf>, source: &Source) -> Result<PathBuf, ConfigError> {
    let typed = path.get_ref();
    match typed.is_absolute() && typed.file_name().is_some() {
        true => Ok(typed.clone()),
        false => Err(source.error(
            path,
            format!("{typed:?} is no absolute path of a file: write it as in \"/var/lib/sasp-ctl/gwm.json\""),
        )),
    }
}

fn limits(
    raw: &RawLimits,
    default: &Config,
    source: &Source,
) -> Result<(Limits, usize), ConfigError> {
    // The wire's counts have 16 bits, its message length 31.
    const COUNT_MAX: usize = u16::MAX as usize;
    const BYTES_MAX: usize = i32::MAX as usize;
    let number = |value, default, bounds| number_in(value, default, bounds, source);
    let second = Duration::from_secs(1);
    let time = |value, default| duration_from(value, default, second, source);
    let known = default.policy.limits;
    let limits = Limits {
        connections: number(&raw.connections, known.connections, 1..=1_000_000)?,
        balancers: number(&raw.balancers, known.balancers, 1..=1_000_000)?,
        groups: number(&raw.groups, known.groups, 1..=COUNT_MAX)?,
        members: number(&raw.members, known.members, 1..=100_000_000)?,
        members_total: number(&raw.members_total, known.members_total, 1..=100_000_000)?,
        reply_bytes: number(&raw.reply_bytes, known.reply_bytes, 1024..=BYTES_MAX)?,
        uid_bytes: number(&raw.uid_bytes, known.uid_bytes, 1..=Name::MAX)?,
        first_message: time(&raw.first_message, known.first_message)?,
        idle: time(&raw.idle, known.idle)?,
    };
    let message_bytes = number(&raw.message_bytes, default.message_bytes, 1024..=BYTES_MAX)?;
    Ok((limits, message_bytes))
}
