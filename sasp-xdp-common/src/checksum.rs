//! The Internet checksum (RFC 1071): sums over small things, and corrections of a checksum for words that were
//! replaced (RFC 1624, equation 3).
//!
//! Words are summed as the machine loads them, never byte-swapped: a one's complement sum of swapped words is the
//! swapped sum (RFC 1071 section 2 (B)), so what is stored with the same byte order is right on any machine. A 32-bit
//! word is the sum of its halves, since 2^16 is 1 modulo 0xffff: words of any size may be added up, and folding at the
//! end brings all carries home.
//!
//! # The two zeros
//! One's complement has two, 0x0000 and 0xffff. A sum is 0x0000 only if all of its words are, so a checksum, which is
//! the complement of a sum, is never 0xffff where a header is summed: [`Delta::apply`] keeps that (which RFC 1141's
//! older formula did not, see RFC 1624 section 3). UDP uses the room: a checksum field of 0x0000 says that none was
//! computed, and a computed 0x0000 is sent as 0xffff (RFC 768). [`Delta::apply_udp`] does both.
//!
//! # What it never does
//! A correction repairs nothing: it moves a checksum by what the replaced words contribute, so one that was wrong
//! before is wrong by the same amount after.

use crate::word::{load_u32, load_u64};

/// A one's complement sum of words in memory order, not folded yet.
///
/// Room for 2^32 words of 32 bits: a frame has fewer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self(0);

    /// With a 16-bit word, or a sum that was folded before.
    #[must_use]
    #[inline(always)]
    pub const fn word16(self, word: u16) -> Self {
        Self(self.0 + word as u64)
    }

    /// With a 32-bit word.
    #[must_use]
    #[inline(always)]
    pub const fn word32(self, word: u32) -> Self {
        Self(self.0 + word as u64)
    }

    /// With a 64-bit word.
    #[must_use]
    #[inline(always)]
    pub const fn word64(self, word: u64) -> Self {
        Self(self.0 + (word & 0xffff_ffff) + (word >> 32))
    }

    /// With what another adds up to.
    #[must_use]
    #[inline(always)]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// With an IPv4 address.
    #[must_use]
    #[inline(always)]
    pub fn address4(self, address: &[u8; 4]) -> Self {
        self.word32(load_u32::<0, _>(address))
    }

    /// With an IPv6 address.
    #[must_use]
    #[inline(always)]
    pub fn address6(self, address: &[u8; 16]) -> Self {
        self.word64(load_u64::<0, _>(address))
            .word64(load_u64::<8, _>(address))
    }

    /// Folded to 16 bits. In three steps whatever the sum is: the verifier follows no loop whose end it cannot see.
    #[inline(always)]
    pub const fn fold(self) -> u16 {
        let halves = (self.0 & 0xffff_ffff) + (self.0 >> 32);
        let quarters = (halves & 0xffff) + ((halves >> 16) & 0xffff) + (halves >> 32);
        // At most 0x1_ffff now, so one carry is left.
        ((quarters & 0xffff) + (quarters >> 16)) as u16
    }

    /// The checksum of what was summed, as it stands in a packet: over a message whose checksum field is zero it is
    /// what belongs there; over one whose checksum is right it is zero.
    #[inline(always)]
    pub const fn checksum(self) -> u16 {
        !self.fold()
    }

    /// The same for UDP, for which a checksum of zero means none.
    #[inline(always)]
    pub const fn checksum_udp(self) -> u16 {
        never_zero(self.checksum())
    }
}

#[inline(always)]
const fn never_zero(checksum: u16) -> u16 {
    if checksum == 0 { 0xffff } else { checksum }
}

/// What replacing words of a message does to its checksum. All words are as they stand in memory, and at an even
/// distance from the start of what is summed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Delta(Sum);

impl Delta {
    /// Nothing was replaced.
    pub const NONE: Self = Self(Sum::ZERO);

    /// A 16-bit word, a port for instance.
    #[must_use]
    #[inline(always)]
    pub const fn word16(self, old: u16, new: u16) -> Self {
        Self(self.0.word16(!old).word16(new))
    }

    /// A 32-bit word, an IPv4 address or two ports for instance.
    #[must_use]
    #[inline(always)]
    pub const fn word32(self, old: u32, new: u32) -> Self {
        Self(self.0.word32(!old).word32(new))
    }

    /// A 64-bit word.
    #[must_use]
    #[inline(always)]
    pub const fn word64(self, old: u64, new: u64) -> Self {
        Self(self.0.word64(!old).word64(new))
    }

    /// An IPv4 address.
    #[must_use]
    #[inline(always)]
    pub fn address4(self, old: &[u8; 4], new: &[u8; 4]) -> Self {
        self.word32(load_u32::<0, _>(old), load_u32::<0, _>(new))
    }

    /// An IPv6 address.
    #[must_use]
    #[inline(always)]
    pub fn address6(self, old: &[u8; 16], new: &[u8; 16]) -> Self {
        self.word64(load_u64::<0, _>(old), load_u64::<0, _>(new))
            .word64(load_u64::<8, _>(old), load_u64::<8, _>(new))
    }

    /// What another replaces, too.
    #[must_use]
    #[inline(always)]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0.and(other.0))
    }

    /// The checksum of the message as it is now, from the one before: IPv4 header, TCP, ICMP, ICMPv6.
    #[inline(always)]
    pub const fn apply(self, checksum: u16) -> u16 {
        self.0.word16(!checksum).checksum()
    }

    /// The same for UDP: a message without a checksum still has none.
    #[inline(always)]
    pub const fn apply_udp(self, checksum: u16) -> u16 {
        if checksum == 0 {
            0
        } else {
            never_zero(self.apply(checksum))
        }
    }
}

#[cfg(test)]
mod tests;
