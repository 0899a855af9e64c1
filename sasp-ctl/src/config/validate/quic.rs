//! The keys of `[[service]]` about QUIC.

use sasp_xdp_common::abi::quic::{CONFIG_IDS, SERVER_ID_MAX};
use toml::Spanned;

use super::super::endpoint::UDP;
use super::super::error::ConfigError;
use super::super::raw::RawQuicLb;
use super::super::source::Source;
use super::super::table::Table;
use super::super::values::number;
use crate::balance::spec::QuicLb;

pub(super) fn quic(
    value: Option<&Spanned<bool>>,
    protocol: u8,
    source: &Source,
) -> Result<bool, ConfigError> {
    match value {
        Some(value) if *value.get_ref() && protocol != UDP => Err(source.error(
            value,
            "QUIC runs over UDP, but the VIP is not udp: remove `quic` or make the VIP .../udp",
        )),
        Some(value) => Ok(*value.get_ref()),
        None => Ok(false),
    }
}

pub(super) fn quic_lb(
    value: Option<&Spanned<Table<RawQuicLb>>>,
    quic: bool,
    source: &Source,
) -> Result<Option<QuicLb>, ConfigError> {
    let Some(value) = value else {
        return Ok(None);
    };
    if !quic {
        let reason = "`quic_lb` reads connection ids of QUIC: add `quic = true`, or remove this";
        return Err(source.error(value, reason));
    }
    let raw = value.get_ref();
    Ok(Some(QuicLb {
        config_id: number(&raw.config_id, 0..=CONFIG_IDS - 1, source)?,
        server_id_len: number(&raw.server_id_length, 1..=SERVER_ID_MAX as u8, source)?,
    }))
}
