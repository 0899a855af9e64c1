//! Later fragments of translated packets: they carry no ports, and leave with the addresses of their first. Its checksum
//! covers them all and was corrected there.

use super::family::Translated;
use super::rewrite;
use crate::abi::counters::Reason;
use crate::abi::fragment::FragmentEntry;
use crate::packet::Packet;
use crate::parse::Place;

/// What a first fragment leaves, from the frame as it is now, rewritten. `owner` as [`FragmentEntry::owner`] says.
#[inline(always)]
pub fn entry<P: Packet, F: Translated>(
    packet: &P,
    place: &Place,
    owner: u64,
    seen_ns: u64,
    ifindex: u32,
) -> Option<FragmentEntry> {
    let (source, destination) = F::addresses(packet, place.at)?;
    let now = packet.bytes::<12>(0)?;
    Some(FragmentEntry {
        owner,
        seen_ns,
        source: F::widen(&source),
        destination: F::widen(&destination),
        ifindex,
        macs: *now,
    })
}

/// Rewrites a later fragment as the first was, with these MAC addresses.
///
/// # Errors
/// [`Reason::TtlExceeded`], or [`Reason::CannotForward`].
#[inline(always)]
pub fn follow<P: Packet, F: Translated>(
    packet: &mut P,
    place: &Place,
    entry: &FragmentEntry,
    macs: &[u8; 12],
) -> Result<(), Reason> {
    rewrite::check_hops::<P, F>(packet, place)?;
    // Ports do not matter here.
    let source = F::vip(&F::narrow(&entry.source), [0; 2], 0);
    let flow = F::flow(&F::narrow(&entry.destination), [0; 2], &source);
    F::readdress(packet, place.at, &flow, true, true).ok_or(Reason::CannotForward)?;
    rewrite::set_macs(packet, macs);
    Ok(())
}
