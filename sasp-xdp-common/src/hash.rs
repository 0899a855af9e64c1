//! From a flow to 32 bits that pick its slot. Keyed by a seed, the same on twins.
//!
//! Two multiplications and xor-shifts per 8 bytes (the shape of MurmurHash3's 64-bit finaliser, public domain): spread
//! and avalanche are tested; an attacker who does not know the seed cannot aim at a slot, but it is no MAC.

use crate::abi::flow::{Flow4, Flow6};

// The constants of MurmurHash3's fmix64.
const K1: u64 = 0xff51_afd7_ed55_8ccd;
const K2: u64 = 0xc4ce_b9fe_1a85_ec53;

/// A flow that can be hashed.
pub trait Hash {
    /// Over client address and port, VIP, port and protocol.
    fn hash_flow(&self, seed: u64) -> u32;

    /// Over the client's address only.
    fn hash_client(&self, seed: u64) -> u32;
}

impl Hash for Flow4 {
    #[inline(always)]
    fn hash_flow(&self, seed: u64) -> u32 {
        let client = u32::from_ne_bytes(self.client) as u64;
        let ports = u16::from_ne_bytes(self.client_port) as u64;
        finish(mix(mix(seed, client | (ports << 32)), vip4(self)))
    }

    #[inline(always)]
    fn hash_client(&self, seed: u64) -> u32 {
        finish(mix(seed, u32::from_ne_bytes(self.client) as u64))
    }
}

impl Hash for Flow6 {
    #[inline(always)]
    fn hash_flow(&self, seed: u64) -> u32 {
        let [client_high, client_low] = halves(&self.client);
        let [vip_high, vip_low] = halves(&self.vip.address);
        let ports = u16::from_ne_bytes(self.client_port) as u64
            | ((u16::from_ne_bytes(self.vip.port) as u64) << 16)
            | ((self.vip.protocol as u64) << 32);
        let client = mix(mix(seed, client_high), client_low);
        // The VIP's halves only tell services apart: one round for both is enough.
        finish(stir(mix(
            mix(client, ports),
            vip_high ^ vip_low.rotate_left(32),
        )))
    }

    #[inline(always)]
    fn hash_client(&self, seed: u64) -> u32 {
        let [high, low] = halves(&self.client);
        finish(stir(mix(mix(seed, high), low)))
    }
}

#[inline(always)]
fn vip4(flow: &Flow4) -> u64 {
    u32::from_ne_bytes(flow.vip.address) as u64
        | ((u16::from_ne_bytes(flow.vip.port) as u64) << 32)
        | ((flow.vip.protocol as u64) << 48)
}

#[inline(always)]
pub(crate) fn halves(address: &[u8; 16]) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *address;
    [
        u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        u64::from_ne_bytes([i, j, k, l, m, n, o, p]),
    ]
}

#[inline(always)]
fn mix(state: u64, word: u64) -> u64 {
    let mixed = (state ^ word).wrapping_mul(K1);
    mixed ^ (mixed >> 32)
}

/// Another round: the top bits of a last word that fills all 64 would reach half of the result only.
#[inline(always)]
fn stir(state: u64) -> u64 {
    mix(state, 0)
}

#[inline(always)]
fn finish(state: u64) -> u32 {
    let mixed = state.wrapping_mul(K2);
    (mixed ^ (mixed >> 32)) as u32
}

#[cfg(test)]
mod tests;
