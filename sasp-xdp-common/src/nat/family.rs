//! What translating needs to know of an address family beyond [`Family`].

use core::mem::offset_of;

use network_types::ip::{Ipv4Hdr, Ipv6Hdr};

use crate::abi::flow::{Flow4, Flow6};
use crate::abi::nat::{LOCKED, NatEntry4, NatEntry6};
use crate::abi::service::{Vip4, Vip6};
use crate::abi::settings::{POOL_MAX, Settings};
use crate::checksum::Delta;
use crate::family::{Family, V4, V6};
use crate::hash::halves;
use crate::packet::Packet;
use crate::word::{load_u16, load_u32, load_u64, store_u16, store_u32, store_u64};

/// What replacing addresses did to checksums.
#[derive(Clone, Copy, Debug)]
pub struct Replaced {
    /// To those that cover a pseudo-header.
    pub addresses: Delta,
    /// To one that covers the whole IP header.
    pub header: Delta,
}

/// A family whose packets can be translated.
pub trait Translated: Family<Vip: 'static> {
    /// Bytes of an IP header without options.
    const HEADER: usize;

    /// The port in a service's key.
    fn port_of(vip: &Self::Vip) -> [u8; 2];

    /// The client's port in a flow's key.
    fn client_port_of(flow: &Self::Flow) -> [u8; 2];

    /// A member's address, from a backend's record.
    fn member(address: &[u8; 16]) -> Self::Address;

    /// An address from a [`crate::abi::fragment::FragmentEntry`].
    fn narrow(address: &[u8; 16]) -> Self::Address;

    /// Addresses of the pool, and how many of them are in use.
    fn pool(settings: &Settings) -> (&[Self::Address; POOL_MAX], u32);

    /// The key that stands for the right to reclaim a translation.
    fn locked(key: &Self::Flow) -> Self::Flow;

    /// An entry of the map of translations: see [`NatEntry4`].
    fn entry(other: &Self::Flow, owner: u64, seen_ns: u64, idle_s: u32) -> Self::NatEntry;

    /// Says which way an entry is, what was seen of it, and names the other way.
    fn turn(entry: &mut Self::NatEntry, other: &Self::Flow, state: u32);

    /// Says where replies leave.
    fn leave_by(entry: &mut Self::NatEntry, ifindex: u32, macs: &[u8; 12]);

    /// The key of the other way.
    fn other(entry: &Self::NatEntry) -> &Self::Flow;

    /// The backend.
    fn owner(entry: &Self::NatEntry) -> u64;

    /// When a packet last went this way, nanoseconds.
    fn seen_ns(entry: &Self::NatEntry) -> u64;

    /// `SAW_` bits and `REPLY`.
    fn state(entry: &Self::NatEntry) -> u32;

    /// Idle timeout in seconds.
    fn idle_s(entry: &Self::NatEntry) -> u32;

    /// Where replies leave, and with which MAC addresses.
    fn leaves_by(entry: &Self::NatEntry) -> (u32, &[u8; 12]);

    /// Whether two keys are the same, word by word.
    fn same(one: &Self::Flow, other: &Self::Flow) -> bool;

    /// TTL or hop limit of the IP header at an offset.
    fn hops<P: Packet>(packet: &P, at: usize) -> Option<u8>;

    /// TOS or traffic class.
    fn tos<P: Packet>(packet: &P, at: usize) -> Option<u8>;

    /// Source, then destination.
    fn addresses<P: Packet>(packet: &P, at: usize) -> Option<(Self::Address, Self::Address)>;

    /// Makes a packet one of a flow, from its VIP to its client (`answering`) or the other way round, and takes one off
    /// the TTL if it is a `hop`; corrects the header's own checksum.
    fn readdress<P: Packet>(
        packet: &mut P,
        at: usize,
        flow: &Self::Flow,
        answering: bool,
        hop: bool,
    ) -> Option<Replaced>;
}

/// What both families do alike, on types of their own.
macro_rules! alike {
    ($vip:ty, $flow:ident, $entry:ident, $pool:ident, $pool_len:ident) => {
        #[inline(always)]
        fn port_of(vip: &$vip) -> [u8; 2] {
            vip.port
        }

        #[inline(always)]
        fn client_port_of(flow: &$flow) -> [u8; 2] {
            flow.client_port
        }

        #[inline(always)]
        fn pool(settings: &Settings) -> (&[Self::Address; POOL_MAX], u32) {
            (&settings.$pool, settings.$pool_len)
        }

        #[inline(always)]
        fn locked(key: &$flow) -> $flow {
            $flow {
                reserved: LOCKED,
                ..*key
            }
        }

        #[inline(always)]
        fn entry(other: &$flow, owner: u64, seen_ns: u64, idle_s: u32) -> $entry {
            $entry {
                other: *other,
                owner,
                seen_ns,
                state: 0,
                idle_s,
                ifindex: 0,
                macs: [0; 12],
            }
        }

        #[inline(always)]
        fn turn(entry: &mut $entry, other: &$flow, state: u32) {
            entry.other = *other;
            entry.state = state;
        }

        #[inline(always)]
        fn leave_by(entry: &mut $entry, ifindex: u32, macs: &[u8; 12]) {
            entry.ifindex = ifindex;
            entry.macs = *macs;
        }

        #[inline(always)]
        fn other(entry: &$entry) -> &$flow {
            &entry.other
        }

        #[inline(always)]
        fn owner(entry: &$entry) -> u64 {
            entry.owner
        }

        #[inline(always)]
        fn seen_ns(entry: &$entry) -> u64 {
            entry.seen_ns
        }

        #[inline(always)]
        fn state(entry: &$entry) -> u32 {
            entry.state
        }

        #[inline(always)]
        fn idle_s(entry: &$entry) -> u32 {
            entry.idle_s
        }

        #[inline(always)]
        fn leaves_by(entry: &$entry) -> (u32, &[u8; 12]) {
            (entry.ifindex, &entry.macs)
        }
    };
}

impl Translated for V4 {
    const HEADER: usize = size_of::<Ipv4Hdr>();

    #[inline(always)]
    fn same(one: &Flow4, other: &Flow4) -> bool {
        let words = |flow: &Flow4| {
            [
                u32::from_ne_bytes(flow.client),
                u32::from_ne_bytes(flow.vip.address),
                ports(flow.client_port, flow.vip.port),
                flow.vip.protocol as u32,
            ]
        };
        let ([a, b, c, d], [e, f, g, h]) = (words(one), words(other));
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) == 0
    }

    alike!(Vip4, Flow4, NatEntry4, pool_v4, pool_v4_len);

    #[inline(always)]
    fn member(address: &[u8; 16]) -> [u8; 4] {
        load_u32::<12, _>(address).to_ne_bytes()
    }

    #[inline(always)]
    fn narrow(address: &[u8; 16]) -> [u8; 4] {
        load_u32::<0, _>(address).to_ne_bytes()
    }

    #[inline(always)]
    fn hops<P: Packet>(packet: &P, at: usize) -> Option<u8> {
        Some(packet.bytes::<20>(at)?[offset_of!(Ipv4Hdr, ttl)])
    }

    #[inline(always)]
    fn tos<P: Packet>(packet: &P, at: usize) -> Option<u8> {
        Some(packet.bytes::<20>(at)?[offset_of!(Ipv4Hdr, tos)])
    }

    #[inline(always)]
    fn addresses<P: Packet>(packet: &P, at: usize) -> Option<([u8; 4], [u8; 4])> {
        let ip = packet.bytes::<20>(at)?;
        let source = load_u32::<{ offset_of!(Ipv4Hdr, src_addr) }, _>(ip);
        let destination = load_u32::<{ offset_of!(Ipv4Hdr, dst_addr) }, _>(ip);
        Some((source.to_ne_bytes(), destination.to_ne_bytes()))
    }

    #[inline(always)]
    fn readdress<P: Packet>(
        packet: &mut P,
        at: usize,
        flow: &Flow4,
        answering: bool,
        hop: bool,
    ) -> Option<Replaced> {
        const SRC: usize = offset_of!(Ipv4Hdr, src_addr);
        const DST: usize = offset_of!(Ipv4Hdr, dst_addr);
        const TTL: usize = offset_of!(Ipv4Hdr, ttl);
        const SUM: usize = offset_of!(Ipv4Hdr, check);
        let ip = packet.bytes_mut::<20>(at)?;
        let client = u32::from_ne_bytes(flow.client);
        let vip = u32::from_ne_bytes(flow.vip.address);
        let (source, destination) = if answering {
            (vip, client)
        } else {
            (client, vip)
        };
        let addresses = Delta::NONE
            .word32(load_u32::<SRC, _>(ip), source)
            .word32(load_u32::<DST, _>(ip), destination);
        store_u32::<SRC, _>(ip, source);
        store_u32::<DST, _>(ip, destination);
        let mut header = addresses;
        if hop {
            let word = load_u16::<TTL, _>(ip);
            ip[TTL] = ip[TTL].wrapping_sub(1);
            header = header.word16(word, load_u16::<TTL, _>(ip));
        }
        let old = load_u16::<SUM, _>(ip);
        let new = header.apply(old);
        store_u16::<SUM, _>(ip, new);
        Some(Replaced {
            addresses,
            header: header.word16(old, new),
        })
    }
}

impl Translated for V6 {
    const HEADER: usize = size_of::<Ipv6Hdr>();

    #[inline(always)]
    fn same(one: &Flow6, other: &Flow6) -> bool {
        let words = |flow: &Flow6| {
            let [a, b] = halves(&flow.client);
            let [c, d] = halves(&flow.vip.address);
            let ports = ports(flow.client_port, flow.vip.port) as u64;
            [a, b, c, d, ports | ((flow.vip.protocol as u64) << 32)]
        };
        let ([a, b, c, d, e], [f, g, h, i, j]) = (words(one), words(other));
        (a ^ f) | (b ^ g) | (c ^ h) | (d ^ i) | (e ^ j) == 0
    }

    alike!(Vip6, Flow6, NatEntry6, pool_v6, pool_v6_len);

    #[inline(always)]
    fn member(address: &[u8; 16]) -> [u8; 16] {
        *address
    }

    #[inline(always)]
    fn narrow(address: &[u8; 16]) -> [u8; 16] {
        *address
    }

    #[inline(always)]
    fn hops<P: Packet>(packet: &P, at: usize) -> Option<u8> {
        Some(packet.bytes::<40>(at)?[offset_of!(Ipv6Hdr, hop_limit)])
    }

    #[inline(always)]
    fn tos<P: Packet>(packet: &P, at: usize) -> Option<u8> {
        let first = load_u16::<0, _>(packet.bytes::<40>(at)?);
        Some((u16::from_be(first) >> 4) as u8)
    }

    #[inline(always)]
    fn addresses<P: Packet>(packet: &P, at: usize) -> Option<([u8; 16], [u8; 16])> {
        const SRC: usize = offset_of!(Ipv6Hdr, src_addr);
        const DST: usize = offset_of!(Ipv6Hdr, dst_addr);
        let ip = packet.bytes::<40>(at)?;
        Some((
            joined(load_u64::<SRC, _>(ip), load_u64::<{ SRC + 8 }, _>(ip)),
            joined(load_u64::<DST, _>(ip), load_u64::<{ DST + 8 }, _>(ip)),
        ))
    }

    #[inline(always)]
    fn readdress<P: Packet>(
        packet: &mut P,
        at: usize,
        flow: &Flow6,
        answering: bool,
        hop: bool,
    ) -> Option<Replaced> {
        const SRC: usize = offset_of!(Ipv6Hdr, src_addr);
        const DST: usize = offset_of!(Ipv6Hdr, dst_addr);
        const HOPS: usize = offset_of!(Ipv6Hdr, hop_limit);
        let ip = packet.bytes_mut::<40>(at)?;
        let (client, vip) = (halves(&flow.client), halves(&flow.vip.address));
        let (source, destination) = if answering {
            (vip, client)
        } else {
            (client, vip)
        };
        let addresses = Delta::NONE
            .word64(load_u64::<SRC, _>(ip), source[0])
            .word64(load_u64::<{ SRC + 8 }, _>(ip), source[1])
            .word64(load_u64::<DST, _>(ip), destination[0])
            .word64(load_u64::<{ DST + 8 }, _>(ip), destination[1]);
        store_u64::<SRC, _>(ip, source[0]);
        store_u64::<{ SRC + 8 }, _>(ip, source[1]);
        store_u64::<DST, _>(ip, destination[0]);
        store_u64::<{ DST + 8 }, _>(ip, destination[1]);
        let mut header = addresses;
        if hop {
            let word = load_u16::<{ HOPS - 1 }, _>(ip);
            ip[HOPS] = ip[HOPS].wrapping_sub(1);
            header = header.word16(word, load_u16::<{ HOPS - 1 }, _>(ip));
        }
        Some(Replaced { addresses, header })
    }
}

/// Two ports as one word.
#[inline(always)]
fn ports(one: [u8; 2], other: [u8; 2]) -> u32 {
    u16::from_ne_bytes(one) as u32 | ((u16::from_ne_bytes(other) as u32) << 16)
}

/// An address from its halves in memory order.
#[inline(always)]
fn joined(high: u64, low: u64) -> [u8; 16] {
    let mut address = [0; 16];
    address[..8].copy_from_slice(&high.to_ne_bytes());
    address[8..].copy_from_slice(&low.to_ne_bytes());
    address
}
