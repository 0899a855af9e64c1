//! `[balancer]`.

use std::time::Duration;

use sasp_xdp_common::abi::limits::BACKENDS_MAX;

use super::super::error::{ConfigError, Place};
use super::super::raw::{RawBalancer, RawLimits};
use super::super::settings::{BalancerSettings, Combine, FAIL_BACK, HASH_SEED};
use super::super::source::Source;
use super::super::uid;
use super::super::values::{duration_from, named, number_in, socket_address, word};
use crate::datapath::{Instance, PacketLog, Sizes};
use crate::sasp::code::LB_UID_MAX;

pub(super) fn balancer(
    raw: &RawBalancer,
    source: &Source,
) -> Result<BalancerSettings, ConfigError> {
    let uid = match &raw.uid {
        Some(value) => named(value, "the LB UID", LB_UID_MAX, source)?,
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
        .map(|value| socket_address(value, "127.0.0.1:9686", source))
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
            &raw.packet_log,
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
            &raw.combine,
            Combine::FailOver,
            &[Combine::FailOver, Combine::Min, Combine::Mean].map(|mode| (mode.name(), mode)),
            source,
        )?,
        fail_back: duration_from(&raw.fail_back, FAIL_BACK, Duration::ZERO, source)?,
    })
}

/// Upper bounds: ids are dense and small; a flow costs about 100 bytes of kernel memory.
fn limits(raw: &RawLimits, source: &Source) -> Result<Sizes, ConfigError> {
    let default = Sizes::default();
    Ok(Sizes {
        services: number_in(&raw.services, default.services, 1..=65_536, source)?,
        backends: number_in(
            &raw.backends,
            default.backends,
            2..=BACKENDS_MAX as u32,
            source,
        )?,
        flows: number_in(&raw.flows, default.flows, 1024..=1 << 24, source)?,
        ..default
    })
}
