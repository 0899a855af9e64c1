//! The Ethernet header of a frame that leaves, VLAN tags included: they are kept, for the segment has not changed.

use crate::packet::Packet;
use crate::word::{load_u32, store_u16, store_u32};

/// EtherTypes as they stand in memory.
pub(super) const ETHERTYPE_IPV4: u16 = 0x0800_u16.to_be();
pub(super) const ETHERTYPE_IPV6: u16 = 0x86dd_u16.to_be();

/// Bytes of both MAC addresses.
const MACS_LEN: usize = 12;
const TAG_LEN: usize = 4;
/// Offset of the IP header behind no, one and two tags.
const UNTAGGED: usize = MACS_LEN + 2;
const TAGGED: usize = UNTAGGED + TAG_LEN;
const DOUBLE_TAGGED: usize = TAGGED + TAG_LEN;

/// The VLAN tags of a frame, as they stand behind its MAC addresses; those that it has not are zero.
pub(super) struct Tags {
    first: u32,
    second: u32,
}

impl Tags {
    /// Those of a frame whose IP header is at `at`.
    #[inline(always)]
    pub(super) fn read<P: Packet>(packet: &P, at: usize) -> Option<Self> {
        let mut tags = Self {
            first: 0,
            second: 0,
        };
        match at {
            UNTAGGED => {}
            TAGGED => tags.first = load_u32::<MACS_LEN, _>(packet.bytes::<TAGGED>(0)?),
            DOUBLE_TAGGED => {
                let ethernet = packet.bytes::<DOUBLE_TAGGED>(0)?;
                tags.first = load_u32::<MACS_LEN, _>(ethernet);
                tags.second = load_u32::<{ MACS_LEN + TAG_LEN }, _>(ethernet);
            }
            _ => return None,
        }
        Some(tags)
    }

    /// Writes the Ethernet header of a frame whose IP header is at `at`, as it was when these were read.
    #[inline(always)]
    pub(super) fn write<P: Packet>(
        &self,
        packet: &mut P,
        at: usize,
        macs: &[u8; 12],
        ethertype: u16,
    ) -> Option<()> {
        match at {
            UNTAGGED => {
                let ethernet = packet.bytes_mut::<UNTAGGED>(0)?;
                write_macs(ethernet, macs);
                store_u16::<{ UNTAGGED - 2 }, _>(ethernet, ethertype);
            }
            TAGGED => {
                let ethernet = packet.bytes_mut::<TAGGED>(0)?;
                write_macs(ethernet, macs);
                store_u32::<MACS_LEN, _>(ethernet, self.first);
                store_u16::<{ TAGGED - 2 }, _>(ethernet, ethertype);
            }
            _ => {
                let ethernet = packet.bytes_mut::<DOUBLE_TAGGED>(0)?;
                write_macs(ethernet, macs);
                store_u32::<MACS_LEN, _>(ethernet, self.first);
                store_u32::<{ MACS_LEN + TAG_LEN }, _>(ethernet, self.second);
                store_u16::<{ DOUBLE_TAGGED - 2 }, _>(ethernet, ethertype);
            }
        }
        Some(())
    }
}

/// Destination and source MAC of a frame.
#[inline(always)]
pub(super) fn write_macs<const N: usize>(ethernet: &mut [u8; N], macs: &[u8; 12]) {
    store_u32::<0, _>(ethernet, load_u32::<0, _>(macs));
    store_u32::<4, _>(ethernet, load_u32::<4, _>(macs));
    store_u32::<8, _>(ethernet, load_u32::<8, _>(macs));
}

/// The MAC addresses of an answer: back to the sender, from the address that it wrote to; `None` if that is one of
/// several, to which no answer is due (RFC 1122 section 3.2.2, RFC 4443 section 2.4 (e)).
#[inline(always)]
pub(super) fn swapped_macs<P: Packet>(packet: &P) -> Option<[u8; 12]> {
    const GROUP: u8 = 1;
    let macs = packet.bytes::<MACS_LEN>(0)?;
    if macs[0] & GROUP != 0 {
        return None;
    }
    Some(swap_macs(macs))
}

/// Source and destination MAC, the other way round. Byte by byte: the array is one of the stack's, where the verifier
/// wants every access aligned.
#[inline(always)]
pub(crate) fn swap_macs(macs: &[u8; 12]) -> [u8; 12] {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *macs;
    [g, h, i, j, k, l, a, b, c, d, e, f]
}
