//! What the benchmark's helper programs and its userspace agree on. Nothing of this is in the product's object.

use super::crosses_maps;

/// Longest frame that the restoring program rewrites.
pub const FRAME: usize = 80;

/// Length of the frames that are sent through a forwarder, without the check sequence that a cable would add.
pub const SENT: usize = 64;

/// How the destination of a forwarded frame begins, as the sink tells it from all others; the last byte says whose.
pub const SINK_MAC: [u8; 5] = [2, 0, 0, 0, 1];

/// The frame of a benchmark case, written anew before every run.
#[repr(C, align(8))]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Template {
    /// The frame.
    pub frame: [u8; FRAME],
    /// Offset at which 3 bytes of the client's address are varied.
    pub address_at: u32,
    /// Offset of the client's port.
    pub port_at: u32,
    /// How many flows take turns.
    pub flows: u64,
}

/// The number of the flow that has a turn: multiplying by odd numbers visits them in no order that a cache would like.
pub const fn flow(turn: u64) -> u32 {
    (turn as u32).wrapping_mul(0x9e37_79b1)
}

/// The port of a flow as it stands in the frame.
pub const fn port(flow: u32) -> [u8; 2] {
    ((flow >> 7) as u16 | 0x0400).to_ne_bytes()
}

crosses_maps! { Template = 96 }
