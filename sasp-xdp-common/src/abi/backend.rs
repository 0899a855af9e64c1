//! A backend: one member of one service, with everything that sending it a packet needs.

use super::crosses_maps;

/// Index of a backend, below [`super::limits::BACKENDS_MAX`]. 0 is nobody.
pub type Index = u16;

/// Nobody.
pub const NOBODY: Index = 0;

/// Longest outer header, in bytes: IPv6, UDP and GUE are 52; rounded up to whole words.
pub const OUTER_MAX: usize = 56;

/// Two cache lines. The packet path reads the first 32 bytes, what there is of the outer header, and, to translate
/// addresses, the member's; the rest lets a new daemon adopt the old one's work.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backend {
    /// [`USABLE`]; other bits are zero.
    pub flags: u32,
    /// Changes whenever the index gets another owner, so that remembered flows of the former one do not count.
    pub generation: u32,
    /// The interface on which its packets leave.
    pub ifindex: u32,
    /// Destination MAC, then source MAC, as they stand in the packet.
    pub macs: [u8; 12],
    /// How packets reach it: one of the `MODE_` constants.
    pub mode: u8,
    /// Bytes of [`Self::outer`] that are put in front of a packet; 0 unless it is a tunnel.
    pub outer_len: u8,
    /// Largest IP packet of a client, in bytes, that fits on the way to it: the egress MTU less the outer header.
    /// 0: not checked, since the packet leaves as large as it came on the segment on which it came.
    pub inner_max: u16,
    /// Zero.
    pub reserved: u32,
    /// Tunnels: the outer headers from the IP header on, with everything that does not depend on the packet, as
    /// [`crate::forward::template::outer`] writes them. Lengths, TOS, DF, IPv4 identification, UDP source port, flow
    /// label and the number of the inner protocol are zero and filled in for each packet; checksums are those of the
    /// template.
    pub outer: [u8; OUTER_MAX],
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

impl Default for Backend {
    fn default() -> Self {
        Self {
            flags: 0,
            generation: 0,
            ifindex: 0,
            macs: [0; 12],
            mode: MODE_DSR,
            outer_len: 0,
            inner_max: 0,
            reserved: 0,
            outer: [0; OUTER_MAX],
            service: 0,
            weight: 0,
            address: [0; 16],
            port: 0,
            protocol: 0,
            gwm_flags: 0,
            gwm_weight: 0,
            operator: 0,
            ramp_since_ns: 0,
        }
    }
}

/// Direct server return: only the MAC addresses change; the member is on the same segment and owns the VIP too.
pub const MODE_DSR: u8 = 0;
/// IP in IP: IPv4 or IPv6 outside, either inside (RFC 2003, RFC 2473, RFC 4213).
pub const MODE_IPIP: u8 = 1;
/// Generic UDP encapsulation, variant 0, to UDP port 6080 (draft-ietf-intarea-gue).
pub const MODE_GUE: u8 = 2;
/// Generic routing encapsulation without options (RFC 2784, RFC 7676).
pub const MODE_GRE: u8 = 3;
/// The destination becomes the member's address and port; its replies come back through us.
pub const MODE_NAT: u8 = 4;
/// The source becomes one of ours too, see [`super::nat`].
pub const MODE_FULL_NAT: u8 = 5;

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

crosses_maps! { Backend = 128 }
