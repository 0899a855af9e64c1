//! Packets that are for no service: replies of members, whose addresses are translated back, or nothing of ours.

use super::stay;
use crate::abi::counters::Reason;
use crate::abi::settings::HAS_REPLIES;
use crate::family::Family;
use crate::maps::{FamilyMaps, Maps};
use crate::packet::Packet;
use crate::parse::header::{ESP, Header, NO_NEXT_HEADER};
use crate::parse::{Network, TCP, UDP};
use crate::verdict::Verdict;

#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn foreign<P, M, F>(packet: &mut P, maps: &M, header: &Header<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    let has_replies = maps
        .settings()
        .is_some_and(|settings| settings.features & HAS_REPLIES != 0);
    if has_replies && let Some(verdict) = reply::<P, M, F>(packet, maps, header) {
        return verdict;
    }
    stay(
        maps,
        match header.place.protocol {
            TCP | UDP => Reason::NotVip,
            ESP | NO_NEXT_HEADER if F::NETWORK == Network::V6 => Reason::ExtensionHeaders,
            _ => Reason::OtherProtocol,
        },
    )
}

#[inline(always)]
fn reply<P, M, F>(_packet: &mut P, _maps: &M, _header: &Header<F>) -> Option<Verdict>
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Family,
{
    None
}
