//! A backend: one member of one service, with everything that sending it a packet needs.

use super::crosses_maps;

/// Index of a backend, below [`super::limits::BACKENDS_MAX`]. 0 is nobody.
pub type Index = u16;

/// Nobody.
pub const NOBODY: Index = 0;

/// One cache line. The packet path reads the first 24 bytes; the rest lets a new daemon adopt the old one's work.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Backend {
    /// [`USABLE`]; other bits are zero.
    pub flags: u32,
    /// Changes whenever the index gets another owner, so that remembered flows of the former one do not count.
    pub generation: u32,
    /// The interface on which its packets leave.
    pub ifindex: u32,
    /// Destination MAC, then source MAC, as they stand in the packet.
    pub macs: [u8; 12],
    /// [`super::service::Service::id`] of the service that it serves.
    pub service: u32,
    /// What the current table was built with: relative to the weights of the service's other backends.
    pub weight: u32,
    /// IPv6 address, or IPv4 as `::ffff:a.b.c.d`, in network order; zero in a record that is nobody's.
    pub address: [u8; 16],
    /// Port in host order.
    pub port: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// What the GWM last said: its Weight Entry flags in the low bits, [`GWM_SPOKE`] if it said anything;
    /// [`SELF_REGISTERED`].
    pub gwm_flags: u8,
    /// What the GWM last said: the raw weight.
    pub gwm_weight: u16,
    /// [`OPERATOR_QUIESCED`].
    pub operator: u16,
    /// When its slow start began (`CLOCK_MONOTONIC`, nanoseconds); zero unless it is in one.
    pub ramp_since_ns: u64,
}

/// Packets may be sent to it: it has a next hop, is not removed, and may keep its old flows.
pub const USABLE: u32 = 1 << 0;
/// In [`Backend::gwm_flags`]: the GWM has spoken of it.
pub const GWM_SPOKE: u8 = 1 << 7;
/// In [`Backend::gwm_flags`], whether or not the GWM's word still counts: the member is none of the config's, it has
/// registered itself.
pub const SELF_REGISTERED: u8 = 1 << 6;
/// In [`Backend::operator`]: quiesced by the operator at this balancer.
pub const OPERATOR_QUIESCED: u16 = 1 << 0;

impl Backend {
    /// See [`USABLE`].
    #[inline(always)]
    pub const fn usable(&self) -> bool {
        self.flags & USABLE != 0
    }

    /// Nobody's: all that is left of a former member is its generation.
    pub const fn retired(&self) -> bool {
        u128::from_ne_bytes(self.address) == 0
    }
}

crosses_maps! { Backend = 64 }
