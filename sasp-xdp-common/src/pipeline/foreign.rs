//! Packets that are for no service: replies of members, whose addresses are translated back, or nothing of ours.

use super::job::{Job, Step};
use super::stay;
use crate::abi::counters::Reason;
use crate::abi::settings::HAS_REPLIES;
use crate::maps::{FamilyMaps, Maps};
use crate::nat::{self, Reply, Translated};
use crate::packet::Packet;
use crate::parse::header::{ESP, NO_NEXT_HEADER};
use crate::parse::{Network, TCP, UDP};
use crate::verdict::Verdict;

/// Whether there may be replies of members.
#[inline(always)]
pub(super) fn has_replies<M: Maps>(maps: &M) -> bool {
    maps.settings()
        .is_some_and(|settings| settings.features & HAS_REPLIES != 0)
}

#[cfg_attr(target_arch = "bpf", inline(never))]
pub(super) fn foreign<P, M, F>(packet: &mut P, maps: &M, job: &mut Job<F>) -> Verdict
where
    P: Packet,
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let header = &job.header;
    if has_replies(maps)
        && let Some(reply) = nat::reply::<P, M, F>(packet, maps, &header.place, &header.flow)
    {
        let verdict = match reply {
            Reply::Done(verdict) => verdict,
            Reply::TooBig(fits) => {
                job.fits = fits;
                return Verdict::next(Step::TooBig);
            }
        };
        return match verdict.ifindex() {
            Some(ifindex) if header.part.is_first() => {
                job.ifindex = ifindex;
                Verdict::next(Step::Fragments)
            }
            _ => verdict,
        };
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
