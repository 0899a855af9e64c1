//! Translation of addresses: `nat` (the destination becomes the member's) and `full-nat` (the source becomes one of
//! ours too), both ways, with the ICMP errors and fragments that belong to what was translated.
//!
//! `nat` keeps nothing: the member is in the backend's record, and a reply's VIP is found by who sent it, since a member
//! and port serve one VIP only. `full-nat` keeps two entries per flow, see [`full`]. A translation is a router's hop: it
//! takes one off the TTL. It repairs nothing: a checksum that was wrong stays wrong, a UDP datagram without one gets none.
//!
//! * [`family`]: what differs between IPv4 and IPv6.
//! * [`rewrite`]: addresses, ports and checksums of a packet, and of one that an ICMP error quotes.
//! * [`full`]: the translations of `full-nat`.
//! * [`back`]: replies. [`error`]: ICMP errors (RFC 5508 section 4). [`fragment`]: later fragments.
//!
//! # What it does not do
//! Addresses inside of payloads stay (FTP, SIP). VLAN tags stay: members and clients are in the same VLAN. Under
//! `full-nat` only TCP and UDP are translated, for there is nothing else to tell flows apart by. An authentication header
//! protects the addresses, so it cannot be translated.

pub mod back;
pub mod error;
pub mod family;
pub mod fragment;
pub mod full;
pub mod rewrite;

use crate::abi::backend::{Backend, Index, MODE_FULL_NAT};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::service::Service;
use crate::family::Family;
use crate::maps::{FamilyMaps, Maps};
use crate::packet::Packet;
use crate::parse::{Kind, Place};

pub use back::{Reply, reply};
pub use family::Translated;

/// What a translation is worked out in. Outside of the stack, of which a BPF program has little.
#[derive(Clone, Copy, Debug)]
pub struct Forward<F: Family> {
    /// The other way of the flow: as the member's replies come.
    other: F::Flow,
    /// What the packet would be as an entry.
    arrival: F::NatEntry,
    /// An ICMP error's own addresses, as a flow.
    own: F::Flow,
}

impl<F: Family> Default for Forward<F> {
    #[inline(always)]
    fn default() -> Self {
        let nowhere = F::Address::default();
        let flow = F::flow(&nowhere, [0; 2], &F::vip(&nowhere, [0; 2], 0));
        Self {
            other: flow,
            arrival: F::NatEntry::default(),
            own: flow,
        }
    }
}

/// A packet of a client, for a member of `nat` or `full-nat`: with which addresses it leaves, noted in `forward`.
///
/// # Errors
/// Why it is dropped.
#[expect(
    clippy::too_many_arguments,
    reason = "what a packet's way has found out about it"
)]
#[inline(always)]
pub fn find<P, M, F>(
    packet: &P,
    maps: &M,
    place: &Place,
    flow: &F::Flow,
    kind: Kind,
    service: Service,
    index: Index,
    backend: &Backend,
    forward: &mut Forward<F>,
) -> Result<(), Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    // A member would answer it with a packet to the VIP, which again would go to a member.
    let vip = F::address_of(F::vip_of(flow));
    if F::client_of(flow) == vip {
        return Err(Reason::BadSource);
    }
    // Before a translation is made for it.
    if place.sealed {
        return Err(Reason::CannotForward);
    }
    rewrite::check_hops::<P, F>(packet, place)?;
    let Forward { other, arrival, .. } = forward;
    *other = plain::<F>(flow, backend);
    if backend.mode == MODE_FULL_NAT {
        let now = FlowEntry::new(index, backend.generation, maps.now_ns());
        *arrival = F::entry(flow, now.owner, now.seen_ns, service.idle_s);
        F::turn(arrival, flow, full::saw(packet, place)?);
        F::leave_by(
            arrival,
            packet.ingress_ifindex(),
            &rewrite::macs_back(packet)?,
        );
        let opens = kind.opens || !full::is_tcp(place);
        full::translation::<M, F>(maps, flow, arrival, opens, other)?;
    }
    Ok(())
}

/// Rewrites a packet as [`find`] has found, with the MAC addresses of its next hop.
///
/// # Errors
/// Why it is dropped; it may be half rewritten.
#[inline(always)]
pub fn forward<P, F>(
    packet: &mut P,
    place: &Place,
    forward: &Forward<F>,
    backend: &Backend,
) -> Result<(), Reason>
where
    P: Packet,
    F: Translated,
{
    rewrite::packet::<P, F>(packet, place, &forward.other, true)?;
    rewrite::set_macs(packet, &backend.macs);
    Ok(())
}

/// The other way of a flow whose source stays: from the member, to the client.
#[inline(always)]
fn plain<F: Translated>(flow: &F::Flow, backend: &Backend) -> F::Flow {
    let vip = F::vip_of(flow);
    let port = if backend.port == 0 {
        F::port_of(vip)
    } else {
        backend.port.to_be_bytes()
    };
    let client = F::vip(
        F::client_of(flow),
        F::client_port_of(flow),
        F::protocol_of(vip),
    );
    F::flow(&F::member(&backend.address), port, &client)
}

#[cfg(test)]
mod tests;
