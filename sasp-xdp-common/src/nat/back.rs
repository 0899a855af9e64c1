//! Replies of members: back to the client, as if the VIP had sent them.

use super::family::Translated;
use super::full;
use super::rewrite;
use crate::abi::backend::NOBODY;
use crate::abi::counters::Reason;
use crate::abi::limits::MTU_LEAST;
use crate::abi::nat::REPLY;
use crate::abi::settings::HAS_WILDCARDS;
use crate::maps::{FamilyMaps, Maps, Question, WAY_FOUND, WAY_LOCAL, WAY_UNRESOLVED, Way};
use crate::packet::Packet;
use crate::parse::Place;
use crate::verdict::Verdict;

/// What became of a reply.
#[derive(Clone, Copy, Debug)]
pub enum Reply {
    /// It is rewritten, or cannot be.
    Done(Verdict),
    /// It is untouched, for it is longer than what fits into the interface by which it would leave, in bytes. Its member
    /// is to be told by us: it sent it to an address of ours, not to the client, so that the stack would not know why.
    TooBig(u16),
}

/// A packet that is for no VIP: rewritten if a member sent it as a reply. `flow` is the packet's own, so its client is
/// who sent it. `None`: it is no reply, and untouched.
#[inline(always)]
pub fn reply<P, M, F>(packet: &mut P, maps: &M, place: &Place, flow: &F::Flow) -> Option<Reply>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let mut client = *flow;
    let way = match full_way_back::<M, F>(maps, flow, &mut client) {
        Some((ifindex, macs)) => {
            if let Some(fits) = exceeded(maps, place, ifindex) {
                return Some(Reply::TooBig(fits));
            }
            let saw = full::saw(packet, place).unwrap_or(0);
            maps.nat_touch(flow, maps.now_ns(), saw);
            Way {
                answer: WAY_FOUND,
                ifindex,
                macs,
            }
        }
        None => {
            plain::<M, F>(maps, flow, &mut client)?;
            way::<P, M, F>(packet, maps, place, &client)
        }
    };
    if way.answer == WAY_LOCAL {
        return None;
    }
    let sent = send::<P, M, F>(packet, maps, place, &client, &way);
    Some(Reply::Done(sent))
}

/// The MTU of an interface, if a packet is longer. What the kernel is asked for a way of checks it itself.
#[inline(always)]
fn exceeded<M: Maps>(maps: &M, place: &Place, ifindex: u32) -> Option<u16> {
    if place.length <= MTU_LEAST {
        return None;
    }
    let mtu = maps.mtu(ifindex)?;
    // No packet is longer than 16 bits say.
    (place.length as u32 > mtu).then_some(mtu as u16)
}

/// Where a reply of `full-nat` leaves; `client` becomes the flow of its client.
#[inline(always)]
pub(super) fn full_way_back<M, F>(
    maps: &M,
    flow: &F::Flow,
    client: &mut F::Flow,
) -> Option<(u32, [u8; 12])>
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    maps.nat(flow, |entry| {
        let (ifindex, macs) = F::leaves_by(entry);
        *client = *F::other(entry);
        (F::state(entry), ifindex, *macs)
    })
    .filter(|(state, ..)| state & REPLY != 0)
    .map(|(_, ifindex, macs)| (ifindex, macs))
}

/// A reply of `nat`, known by the member that sent it: the most precise service that it serves. `client` becomes the
/// flow of its client.
#[inline(always)]
pub(super) fn plain<M, F>(maps: &M, flow: &F::Flow, client: &mut F::Flow) -> Option<()>
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let address = F::client_of(flow);
    let port = F::client_port_of(flow);
    let protocol = F::protocol_of(F::vip_of(flow));
    let mut found = maps.reply(&F::vip(address, port, protocol));
    if found.is_none() && maps.settings()?.features & HAS_WILDCARDS != 0 {
        found = maps
            .reply(&F::vip(address, [0; 2], protocol))
            .or_else(|| maps.reply(&F::vip(address, [0; 2], 0)));
    }
    let vip = found?;
    let receiver = F::vip_of(flow);
    let stays = F::port_of(&vip) == [0; 2];
    let vip_port = if stays { port } else { F::port_of(&vip) };
    *client = F::flow(
        F::address_of(receiver),
        F::port_of(receiver),
        &F::vip(F::address_of(&vip), vip_port, protocol),
    );
    Some(())
}

/// The kernel's way for a packet from a flow's VIP to its client.
#[inline(always)]
pub(super) fn way<P, M, F>(packet: &P, maps: &M, place: &Place, client: &F::Flow) -> Way
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    maps.way(&Question {
        source: *F::address_of(F::vip_of(client)),
        destination: *F::client_of(client),
        ingress: packet.ingress_ifindex(),
        length: place.length as u16,
        protocol: place.protocol,
        tos: F::tos(packet, place.at).unwrap_or(0),
    })
}

/// Rewrites a reply and sends it on its way, and counts what became of it.
#[inline(always)]
fn send<P, M, F>(packet: &mut P, maps: &M, place: &Place, client: &F::Flow, way: &Way) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    if way.answer != WAY_FOUND && way.answer != WAY_UNRESOLVED {
        return count(maps, Reason::NoRouteBack);
    }
    // If it is unresolved, the host's stack is the router, and takes its hop off.
    let found = way.answer == WAY_FOUND;
    if let Err(reason) = rewrite::packet::<P, F>(packet, place, client, found) {
        return count(maps, reason);
    }
    if !found {
        return count(maps, Reason::ReplyUnresolved);
    }
    rewrite::set_macs(packet, &way.macs);
    maps.count(Reason::ReplyTranslated);
    Verdict::leave(way.ifindex, NOBODY)
}

#[inline(always)]
pub(super) fn count<M: Maps>(maps: &M, reason: Reason) -> Verdict {
    maps.count(reason);
    Verdict::of(reason)
}
