//! ICMP and ICMPv6 errors about translated packets, both ways (RFC 5508 section 4): the packet that they quote becomes the one that their receiver knows, and so do their own addresses.
//!
//! The flow in question is that of an answer to the quoted packet: its client is the quoted destination. Eight quoted
//! bytes behind the IP header suffice. An error never makes a translation, nor keeps one alive.

use super::back::{count, vip_of_member, way};
use super::family::Translated;
use super::plain;
use super::rewrite::{self, Ends};
use crate::abi::backend::{Backend, Index, MODE_FULL_NAT, NOBODY};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::nat::REPLY;
use crate::checksum::Delta;
use crate::maps::{FamilyMaps, Maps, WAY_FOUND, WAY_LOCAL, WAY_UNRESOLVED, Way};
use crate::packet::Packet;
use crate::parse::Place;
use crate::verdict::Verdict;

/// An error to a VIP about a packet of a member, on to the member. `flow` is the client's.
///
/// # Errors
/// Why it is dropped; it may be half rewritten.
#[inline(always)]
pub fn forward<P, M, F>(
    packet: &mut P,
    maps: &M,
    outer: &Place,
    quoted: &Place,
    flow: &F::Flow,
    index: Index,
    backend: &Backend,
) -> Result<(), Reason>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let mut other = plain::<F>(flow, backend);
    let (mut source, _) = F::addresses(packet, outer.at).ok_or(Reason::CannotForward)?;
    if backend.mode == MODE_FULL_NAT {
        let owner = FlowEntry::new(index, backend.generation, 0).owner;
        other = way_back::<M, F>(maps, flow, owner).ok_or(Reason::NatUnknown)?;
        source = *F::address_of(F::vip_of(&other));
    }
    let inner = Ends::<F>::along(&other);
    rewrite(packet, outer, quoted, &inner, &source, inner.source, true)?;
    rewrite::set_macs(packet, &backend.macs);
    Ok(())
}

/// The way back of a `full-nat` flow of a backend.
#[inline(always)]
fn way_back<M, F>(maps: &M, flow: &F::Flow, owner: u64) -> Option<F::Flow>
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let entry = maps.nat(flow)?;
    let forward = F::read(&entry);
    if forward.state & REPLY != 0 || forward.owner != owner {
        return None;
    }
    let entry = maps.nat(&forward.other)?;
    (F::read(&entry).other == *flow).then_some(forward.other)
}

/// An error that is for no VIP: rewritten if it is about a packet that was translated. `flow` is that of a member's
/// reply. `None`: it is about none, and untouched.
#[inline(always)]
pub fn reply<P, M, F>(
    packet: &mut P,
    maps: &M,
    outer: &Place,
    quoted: &Place,
    flow: &F::Flow,
) -> Option<Verdict>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let (mut source, destination) = F::addresses(packet, outer.at)?;
    let sender = F::vip_of(flow);
    // Errors go to who sent what they quote.
    if destination != *F::address_of(sender) {
        return None;
    }
    let from_member = source == *F::client_of(flow);
    let entry = maps.nat(flow).map(|entry| F::read(&entry));
    let known = entry.filter(|entry| entry.state & REPLY != 0);
    let client = match &known {
        Some(entry) => entry.other,
        None => {
            let (vip, port) = vip_of_member::<M, F>(maps, flow)?;
            let vip = F::vip(&vip, port, F::protocol_of(sender));
            F::flow(F::address_of(sender), F::port_of(sender), &vip)
        }
    };
    let inner = Ends::<F>::along(&client);
    if from_member {
        source = *inner.destination;
    }
    let way = match &known {
        Some(entry) => Way {
            answer: WAY_FOUND,
            ifindex: entry.ifindex,
            macs: entry.macs,
        },
        None => way::<P, M, F>(packet, maps, outer, &source, inner.source),
    };
    if way.answer == WAY_LOCAL {
        return None;
    }
    if way.answer != WAY_FOUND && way.answer != WAY_UNRESOLVED {
        return Some(count(maps, Reason::NoRouteBack));
    }
    let found = way.answer == WAY_FOUND;
    if let Err(reason) = rewrite(packet, outer, quoted, &inner, &source, inner.source, found) {
        return Some(count(maps, reason));
    }
    if !found {
        // The host's stack is the router then.
        return Some(count(maps, Reason::ReplyUnresolved));
    }
    rewrite::set_macs(packet, &way.macs);
    maps.count(Reason::IcmpErrorFollowed);
    Some(Verdict::leave(way.ifindex, NOBODY))
}

/// Rewrites an error and what it quotes.
#[inline(always)]
fn rewrite<P: Packet, F: Translated>(
    packet: &mut P,
    outer: &Place,
    quoted: &Place,
    inner: &Ends<'_, F>,
    source: &F::Address,
    destination: &F::Address,
    hop: bool,
) -> Result<(), Reason> {
    if hop {
        rewrite::check_hops::<P, F>(packet, outer)?;
    }
    let end = outer.at + outer.length;
    quote::<P, F>(packet, outer, quoted, inner, end)
        .and_then(|delta| {
            let own = F::readdress(packet, outer.at, source, destination, hop)?;
            rewrite::correct_icmp(packet, outer, delta, own.addresses)
        })
        .ok_or(Reason::CannotForward)
}

/// Rewrites the quoted packet, as far as it is there; what that replaced.
#[inline(always)]
fn quote<P: Packet, F: Translated>(
    packet: &mut P,
    outer: &Place,
    quoted: &Place,
    inner: &Ends<'_, F>,
    end: usize,
) -> Option<Delta> {
    if quoted.at < outer.transport || quoted.at + F::HEADER > end {
        return None;
    }
    let replaced = F::readdress(packet, quoted.at, inner.source, inner.destination, false)?;
    let behind = rewrite::transport(packet, quoted, inner, replaced.addresses, end, true)?;
    Some(replaced.header.and(behind))
}
