//! ICMP and ICMPv6 errors about translated packets, both ways (RFC 5508 section 4): the packet that they quote becomes the one that their receiver knows, and so do their own addresses.
//!
//! The flow in question is that of an answer to the quoted packet: its client is the quoted destination. Eight quoted
//! bytes behind the IP header suffice. An error never makes a translation, nor keeps one alive.

use super::back::{count, full_way_back, plain as plain_reply, way};
use super::family::Translated;
use super::rewrite;
use super::{Forward, plain};
use crate::abi::backend::{Backend, Index, MODE_FULL_NAT, NOBODY};
use crate::abi::counters::Reason;
use crate::abi::flow::FlowEntry;
use crate::abi::nat::REPLY;
use crate::checksum::Delta;
use crate::maps::{FamilyMaps, Maps, WAY_FOUND, WAY_LOCAL, WAY_NONE, WAY_UNRESOLVED, Way};
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
        way_back::<M, F>(maps, flow, owner, &mut other).ok_or(Reason::NatUnknown)?;
        source = *F::address_of(F::vip_of(&other));
    }
    // The member is where the error goes, so it is the client of the error's own flow.
    let own = ends::<F>(&source, F::client_of(&other));
    rewrite::<P, F>(packet, &Pair { outer, quoted }, &other, &own, true)?;
    rewrite::set_macs(packet, &backend.macs);
    Ok(())
}

/// A flow of which only the addresses matter: a packet of it goes from `source` to `destination`, as an answer.
#[inline(always)]
fn ends<F: Translated>(source: &F::Address, destination: &F::Address) -> F::Flow {
    F::flow(destination, [0; 2], &F::vip(source, [0; 2], 0))
}

/// The way back of a `full-nat` flow of a backend.
#[inline(always)]
fn way_back<M, F>(maps: &M, flow: &F::Flow, owner: u64, other: &mut F::Flow) -> Option<()>
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let is_own = maps.nat(flow, |forward| {
        *other = *F::other(forward);
        F::state(forward) & REPLY == 0 && F::owner(forward) == owner
    })?;
    let leads_back = maps.nat(other, |back| F::same(F::other(back), flow))?;
    (is_own && leads_back).then_some(())
}

/// An error that is for no VIP: what it becomes, in `work`, if it is about a packet that was translated. `flow` is that
/// of a member's reply. `None`: it is about none. Otherwise its way, or [`WAY_NONE`] if [`reply_way`] is to be asked.
#[inline(always)]
pub fn find_reply<P, M, F>(
    packet: &P,
    maps: &M,
    outer: &Place,
    flow: &F::Flow,
    work: &mut Forward<F>,
) -> Option<Way>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let (mut source, destination) = F::addresses(packet, outer.at)?;
    // Errors go to who sent what they quote.
    if destination != *F::address_of(F::vip_of(flow)) {
        return None;
    }
    // Nor is one about a packet of ours from an address that nobody has: the kernel knows no way for it.
    if F::is_bad_source(&source) {
        return None;
    }
    let from_member = source == *F::client_of(flow);
    let Forward {
        other: client, own, ..
    } = work;
    *client = *flow;
    let known = full_way_back::<M, F>(maps, flow, client);
    if known.is_none() {
        plain_reply::<M, F>(maps, flow, client)?;
    }
    if from_member {
        source = *F::address_of(F::vip_of(client));
    }
    *own = ends::<F>(&source, F::client_of(client));
    let unknown = (0, [0; 12]);
    let (ifindex, macs) = known.unwrap_or(unknown);
    Some(Way {
        answer: if known.is_some() { WAY_FOUND } else { WAY_NONE },
        ifindex,
        macs,
    })
}

/// The kernel's way for an error that [`find_reply`] found; `None` if the packet is for this host, and untouched.
#[inline(always)]
pub fn reply_way<P, M, F>(packet: &P, maps: &M, outer: &Place, work: &Forward<F>) -> Option<Way>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let way = way::<P, M, F>(packet, maps, outer, &work.own);
    (way.answer != WAY_LOCAL).then_some(way)
}

/// Makes an error what [`find_reply`] found, and sends it its way.
#[inline(always)]
pub fn reply<P, M, F>(
    packet: &mut P,
    maps: &M,
    outer: &Place,
    quoted: &Place,
    work: &Forward<F>,
    way: &Way,
) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let found = way.answer == WAY_FOUND;
    if !found && way.answer != WAY_UNRESOLVED {
        return count(maps, Reason::NoRouteBack);
    }
    let pair = Pair { outer, quoted };
    if let Err(reason) = rewrite::<P, F>(packet, &pair, &work.other, &work.own, found) {
        return count(maps, reason);
    }
    if !found {
        // The host's stack is the router then.
        return count(maps, Reason::ReplyUnresolved);
    }
    rewrite::set_macs(packet, &way.macs);
    maps.count(Reason::IcmpErrorFollowed);
    Verdict::leave(way.ifindex, NOBODY)
}

/// An error, and what it quotes.
struct Pair<'a> {
    outer: &'a Place,
    quoted: &'a Place,
}

/// Makes the quoted packet one from the client of `inner` to its VIP, and the error one of `own`, as an answer.
#[cfg_attr(target_arch = "bpf", inline(never))]
fn rewrite<P: Packet, F: Translated>(
    packet: &mut P,
    pair: &Pair<'_>,
    inner: &F::Flow,
    own: &F::Flow,
    hop: bool,
) -> Result<(), Reason> {
    let outer = pair.outer;
    if outer.sealed || pair.quoted.sealed {
        return Err(Reason::CannotForward);
    }
    if hop {
        rewrite::check_hops::<P, F>(packet, outer)?;
    }
    quote::<P, F>(packet, pair, inner)
        .and_then(|delta| {
            let own = F::readdress(packet, outer.at, own, true, hop)?;
            rewrite::correct_icmp(packet, outer, delta, own.addresses)
        })
        .ok_or(Reason::CannotForward)
}

/// Rewrites the quoted packet, as far as it is there; what that replaced.
#[inline(always)]
fn quote<P: Packet, F: Translated>(
    packet: &mut P,
    pair: &Pair<'_>,
    inner: &F::Flow,
) -> Option<Delta> {
    let (outer, quoted) = (pair.outer, pair.quoted);
    let end = outer.at + outer.length;
    if quoted.at < outer.transport || quoted.at + F::HEADER > end {
        return None;
    }
    let replaced = F::readdress(packet, quoted.at, inner, false, false)?;
    let ports = [F::client_port_of(inner), F::port_of(F::vip_of(inner))];
    let behind = rewrite::transport(packet, quoted, ports, replaced.addresses, end, true)?;
    Some(replaced.header.and(behind))
}
