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
use crate::maps::{FamilyMaps, Maps};
use crate::packet::Packet;
use crate::parse::{Kind, Place};

pub use back::reply;
pub use family::Translated;

/// A packet of a client, for a member of `nat` or `full-nat`: rewritten, with the MAC addresses of its next hop.
///
/// # Errors
/// Why it is dropped; it may be half rewritten.
#[expect(
    clippy::too_many_arguments,
    reason = "what a packet's way has found out about it"
)]
#[inline(always)]
pub fn forward<P, M, F>(
    packet: &mut P,
    maps: &M,
    place: &Place,
    flow: &F::Flow,
    kind: Kind,
    service: Service,
    index: Index,
    backend: &Backend,
) -> Result<(), Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    // Before a translation is made for it.
    rewrite::check_hops::<P, F>(packet, place)?;
    let mut other = plain::<F>(flow, backend);
    if backend.mode == MODE_FULL_NAT {
        let now_ns = maps.now_ns();
        let arrival = full::Arrival {
            now_ns,
            owner: FlowEntry::new(index, backend.generation, now_ns).owner,
            opens: kind.opens || !full::is_tcp(place),
            saw: full::saw(packet, place)?,
            idle_s: service.idle_s,
            ifindex: packet.ingress_ifindex(),
            macs: rewrite::macs_back(packet)?,
        };
        full::translation::<M, F>(maps, flow, &arrival, &mut other)?;
    }
    rewrite::packet::<P, F>(packet, place, &rewrite::Ends::answering(&other), true)?;
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
