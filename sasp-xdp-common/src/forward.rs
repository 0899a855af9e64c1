//! Rewriting a frame for a backend. Today one mode: DSR, which changes the MAC addresses and nothing behind them.

use crate::abi::backend::Backend;
use crate::packet::Packet;
use crate::word::{load_u32, store_u32};

/// Direct server return: the frame goes to the backend's MAC, on the same segment; the backend owns the VIP too.
#[inline(always)]
pub fn dsr<P: Packet>(packet: &mut P, backend: &Backend) {
    // The bounds were checked when the frame was parsed; a frame without MAC addresses never comes here.
    if let Some(macs) = packet.bytes_mut::<12>(0) {
        store_u32::<0, _>(macs, load_u32::<0, _>(&backend.macs));
        store_u32::<4, _>(macs, load_u32::<4, _>(&backend.macs));
        store_u32::<8, _>(macs, load_u32::<8, _>(&backend.macs));
    }
}
