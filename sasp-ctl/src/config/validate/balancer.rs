//! `[balancer]`.

use std::ops::RangeInclusive;
use std::time::Duration;

use sasp_xdp_common::abi::limits::BACKENDS_MAX;
use toml::Spanned;

use super::super::error::{ConfigError, Place};
use super::super::raw::{RawBalancer, RawLimits};
use super::super::settings::{
    BalancerSettings, Combine, FAIL_BACK, REMEMBERED_PER_SECOND, TOO_BIG_PER_SECOND,
};
use super::super::source::Source;
use super::super::uid;
use super::super::values::{duration_from, named, number_in, socket_address, word};
use super::full_nat;
use crate::balance::spec::Globals;
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
        hash_seed: hash_seed(raw.hash_seed.as_ref(), source)?,
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

/// Every pattern of 64 bits, written with a sign or without.
fn hash_seed(value: Option<&Spanned<i128>>, source: &Source) -> Result<Option<u64>, ConfigError> {
    const RANGE: RangeInclusive<i128> = i64::MIN as i128..=u64::MAX as i128;
    let Some(value) = value else {
        return Ok(None);
    };
    let typed = *value.get_ref();
    if RANGE.contains(&typed) {
        return Ok(Some(typed as u64));
    }
    let (min, max) = (RANGE.start(), RANGE.end());
    Err(source.error(value, format!("{typed} is out of range: {min} to {max}")))
}

/// What a reload may change.
pub(super) fn globals(raw: &RawBalancer, source: &Source) -> Result<Globals, ConfigError> {
    let pool = raw.full_nat.as_ref();
    let limits = &raw.limits;
    // A bucket counts nanoseconds: with more per second a token would cost none of them.
    let rate = |value, default| number_in(value, default, 0..=10_000_000, source);
    Ok(Globals {
        pool: pool.map(|raw| full_nat::pool(raw, source)).transpose()?,
        flows_per_second: rate(&limits.remembered_per_second, REMEMBERED_PER_SECOND)?,
        too_big_per_second: rate(&limits.too_big_per_second, TOO_BIG_PER_SECOND)?,
    })
}

/// Upper bounds: ids are dense and small; a flow costs about 100 bytes of kernel memory, a translation 200.
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
        translations: number_in(
            &raw.translations,
            default.translations,
            1024..=1 << 24,
            source,
        )?,
    })
}
