//! Rewriting a frame so that it reaches a backend, and answering one that shall not go on.
//!
//! * [`dsr`]: the MAC addresses change, and nothing behind them.
//! * `tunnel`: outer headers are put in front of the client's packet, which stays as it is; [`template`] is what
//!   userspace prepares for that.
//! * [`too_big`], [`echo`]: answers, sent in place of what they answer.
//!
//! Address translation is not here: it rewrites the packet itself and needs the maps.

pub mod echo;
pub mod template;
pub mod too_big;

pub(crate) mod ethernet;
mod tunnel;

#[cfg(test)]
mod frames;

use crate::abi::backend::{Backend, MODE_DSR, MODE_GRE, MODE_GUE, MODE_IPIP};
use crate::abi::counters::Reason;
use crate::packet::Packet;
use crate::parse::Place;
use crate::word::{load_u16, load_u32};

/// Rewrites a frame for a backend that is reached by DSR or a tunnel. `hash` is the flow's: where a tunnel's header
/// has room for entropy, it tells the flows apart, so that receivers and routers spread them.
///
/// # Errors
/// [`Reason::CannotForward`] if the frame has no room for the outer headers; it is unchanged then.
#[inline(always)]
pub fn send<P: Packet>(
    packet: &mut P,
    place: Place,
    backend: &Backend,
    hash: u32,
) -> Result<(), Reason> {
    match backend.mode {
        MODE_DSR => {
            dsr(packet, backend);
            Ok(())
        }
        MODE_IPIP | MODE_GUE | MODE_GRE => tunnel::send(packet, place, backend, hash),
        _ => Err(Reason::CannotForward),
    }
}

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
        ethernet::write_macs(macs, &backend.macs);
    }
}
