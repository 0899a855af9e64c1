//! Rewriting a frame for a backend. Today one mode: DSR, which changes the MAC addresses and nothing behind them.

pub mod template;

use crate::abi::backend::Backend;
use crate::packet::Packet;
use crate::word::{load_u16, load_u32, store_u32};

/// Whether a frame already goes to the backend's MAC: it is another's, seen because the segment floods. Two balancers
/// with the same VIP would otherwise send it back and forth for ever, since DSR leaves the TTL alone.
#[inline(always)]
pub fn goes_to<P: Packet>(packet: &P, backend: &Backend) -> bool {
    packet.bytes::<6>(0).is_some_and(|to| {
        load_u32::<0, _>(to) == load_u32::<0, _>(&backend.macs)
            && load_u16::<4, _>(to) == load_u16::<4, _>(&backend.macs)
    })
}

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
