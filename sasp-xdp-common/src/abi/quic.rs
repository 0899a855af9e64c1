//! QUIC connection ids that name their server: the plaintext algorithm of QUIC-LB (draft-ietf-quic-load-balancers,
//! section 5.2).
//!
//! The first octet's three high bits are the config id; 0b111 means that the id names nobody. The server id follows in
//! the octets after it, then a nonce that means nothing to us.

use super::crosses_maps;

/// Longest server id, in bytes.
pub const SERVER_ID_MAX: usize = 8;

/// Config ids are below it.
pub const CONFIG_IDS: u8 = 7;

/// A server id of a service.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct ServerId {
    /// [`super::service::Service::id`].
    pub service: u32,
    /// The octets, zero-padded: every id of a service is as long as [`server_id_len`] says.
    pub octets: [u8; SERVER_ID_MAX],
}

/// [`super::service::Service::quic_lb`] for a config id (below [`CONFIG_IDS`]) and a length of server ids (1 to
/// [`SERVER_ID_MAX`]).
pub const fn routing(config_id: u8, server_id_len: u8) -> u32 {
    config_id as u32 | ((server_id_len as u32) << 8)
}

/// The config id.
#[inline(always)]
pub const fn config_id(routing: u32) -> u8 {
    routing as u8
}

/// Length of server ids in bytes; 0 if connection ids name nobody.
#[inline(always)]
pub const fn server_id_len(routing: u32) -> usize {
    (routing >> 8) as u8 as usize
}

crosses_maps! { ServerId = 12 }
