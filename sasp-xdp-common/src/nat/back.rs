//! Replies of members: back to the client, as if the VIP had sent them.

use super::family::Translated;
use super::full;
use super::rewrite::{self, Ends};
use crate::abi::backend::NOBODY;
use crate::abi::counters::Reason;
use crate::abi::nat::REPLY;
use crate::abi::settings::HAS_WILDCARDS;
use crate::maps::{FamilyMaps, Maps, Question, WAY_FOUND, WAY_LOCAL, WAY_UNRESOLVED, Way};
use crate::packet::Packet;
use crate::parse::Place;
use crate::verdict::Verdict;

/// A packet that is for no VIP: rewritten if a member sent it as a reply. `flow` is the packet's own, so its client is
/// who sent it. `None`: it is no reply, and untouched.
#[inline(always)]
pub fn reply<P, M, F>(packet: &mut P, maps: &M, place: &Place, flow: &F::Flow) -> Option<Verdict>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    if let Some(entry) = maps.nat(flow) {
        let entry = F::read(&entry);
        if entry.state & REPLY != 0 {
            let done = full::saw(packet, place).and_then(|saw| {
                rewrite::packet::<P, F>(packet, place, &Ends::answering(&entry.other), true)?;
                maps.nat_touch(flow, maps.now_ns(), saw);
                Ok(())
            });
            return Some(leave(packet, maps, done, entry.ifindex, &entry.macs));
        }
    }
    let (source, source_port) = vip_of_member::<M, F>(maps, flow)?;
    let client = F::vip_of(flow);
    let ends = Ends::<F> {
        source: &source,
        source_port,
        destination: F::address_of(client),
        destination_port: F::port_of(client),
    };
    let way = way::<P, M, F>(packet, maps, place, ends.source, ends.destination);
    match way.answer {
        WAY_FOUND => {
            let done = rewrite::packet::<P, F>(packet, place, &ends, true);
            Some(leave(packet, maps, done, way.ifindex, &way.macs))
        }
        WAY_UNRESOLVED => {
            // The host's stack is the router then, and takes its hop off.
            let done = rewrite::packet::<P, F>(packet, place, &ends, false);
            Some(count(maps, done.err().unwrap_or(Reason::ReplyUnresolved)))
        }
        WAY_LOCAL => None,
        _ => Some(count(maps, Reason::NoRouteBack)),
    }
}

/// The VIP and port whose replies the sender of a packet sends, if any. Most precise first.
#[inline(always)]
pub(super) fn vip_of_member<M, F>(maps: &M, flow: &F::Flow) -> Option<(F::Address, [u8; 2])>
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
    let vip_port = F::port_of(&vip);
    let stays = vip_port == [0; 2];
    Some((*F::address_of(&vip), if stays { port } else { vip_port }))
}

/// The kernel's way for a packet that leaves with these addresses.
#[inline(always)]
pub(super) fn way<P, M, F>(
    packet: &P,
    maps: &M,
    place: &Place,
    source: &F::Address,
    destination: &F::Address,
) -> Way
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    maps.way(&Question {
        source: *source,
        destination: *destination,
        ingress: packet.ingress_ifindex(),
        length: place.length as u16,
        protocol: place.protocol,
        tos: F::tos(packet, place.at).unwrap_or(0),
    })
}

/// Sends a packet on its way if it could be rewritten, and counts what became of it.
#[inline(always)]
fn leave<P, M>(
    packet: &mut P,
    maps: &M,
    done: Result<(), Reason>,
    ifindex: u32,
    macs: &[u8; 12],
) -> Verdict
where
    P: Packet,
    M: Maps,
{
    if let Err(reason) = done {
        return count(maps, reason);
    }
    rewrite::set_macs(packet, macs);
    maps.count(Reason::ReplyTranslated);
    Verdict::leave(ifindex, NOBODY)
}

#[inline(always)]
pub(super) fn count<M: Maps>(maps: &M, reason: Reason) -> Verdict {
    maps.count(reason);
    Verdict::of(reason)
}
