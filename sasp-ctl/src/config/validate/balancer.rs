//! `[balancer]`.

use std::time::Duration;

use sasp_xdp_common::abi::limits::BACKENDS_MAX;
use toml::Spanned;

use super::super::error::{ConfigError, Place};
use super::super::raw::{RawBalancer, RawLimits};
use super::super::settings::{BalancerSettings, Combine, FAIL_BACK, HASH_SEED};
use super::super::source::Source;
use super::super::uid;
use super::{duration_in, integer_in, word};
use crate::datapath::{Instance, PacketLog, Sizes};
use crate::sasp::code::LB_UID_MAX;
use crate::sasp::msg::Name;

pub(super) fn balancer(
    raw: &RawBalancer,
    source: &Source,
) -> Result<BalancerSettings, ConfigError> {
    let uid = match &raw.uid {
        Some(value) => named_uid(value, source)?,
        None => uid::default().map_err(|reason| ConfigError::new(Place::Nowhere, reason))?,
    };
    let instance = raw
        .instance
        .as_ref()
        .map(|value| {
            Instance::new(value.get_ref()).map_err(|error| source.error(value, error.to_string()))
        })
        .transpose()?;
    let listen = raw
        .listen
        .as_ref()
        .map(|value| {
            value.get_ref().parse().map_err(|_| {
                source.error(
                    value,
                    format!(
                        "{:?} is not ADDR:PORT, as in \"127.0.0.1:9686\"",
                        value.get_ref()
                    ),
                )
            })
        })
        .transpose()?;
    Ok(BalancerSettings {
        uid,
        instance,
        listen,
        // TOML has no unsigned integers; every 64-bit pattern is a seed.
        hash_seed: raw
            .hash_seed
            .as_ref()
            .map_or(HASH_SEED, |seed| *seed.get_ref() as u64),
        packet_log: word(
            raw.packet_log.as_ref(),
            PacketLog::Off,
            &[
                ("off", PacketLog::Off),
                ("error", PacketLog::Error),
                ("warn", PacketLog::Warn),
                ("info", PacketLog::Info),
                ("debug", PacketLog::Debug),
                ("trace", PacketLog::Trace),
            ],
            source,
        )?,
        limits: limits(&raw.limits, source)?,
        combine: word(
            raw.combine.as_ref(),
            Combine::FailOver,
            &[Combine::FailOver, Combine::Min, Combine::Mean].map(|mode| (mode.name(), mode)),
            source,
        )?,
        fail_back: duration_in(raw.fail_back.as_ref(), FAIL_BACK, Duration::ZERO, source)?,
    })
}

fn named_uid(value: &Spanned<String>, source: &Source) -> Result<Name, ConfigError> {
    let text = value.get_ref();
    Name::new(text.clone().into_bytes())
        .filter(|name| (1..=LB_UID_MAX).contains(&name.len()) && name.is_text())
        .ok_or_else(|| {
            source.error(
                value,
                format!(
                    "an LB UID is 1 to {LB_UID_MAX} bytes without control characters, this one has {} bytes: choose another",
                    text.len()
                ),
            )
        })
}

/// Upper bounds: ids are dense and small; a flow costs about 100 bytes of kernel memory.
fn limits(raw: &RawLimits, source: &Source) -> Result<Sizes, ConfigError> {
    let default = Sizes::default();
    Ok(Sizes {
        services: integer_in(raw.services.as_ref(), default.services, 1..=65_536, source)?,
        backends: integer_in(
            raw.backends.as_ref(),
            default.backends,
            2..=BACKENDS_MAX as u32,
            source,
        )?,
        flows: integer_in(raw.flows.as_ref(), default.flows, 1024..=1 << 24, source)?,
    })
}
