//! The translations of `full-nat`: which source address and port a flow has towards its member.
//!
//! A flow has two entries. *Forward* is keyed by the client's packet and names the way back; *back* is keyed by the
//! member's reply and names the client's flow. Who inserts the back entry owns the source address and port in its key:
//! the map inserts a key once, whatever CPUs do.
//!
//! # Why no two flows ever share a source
//! Keys are inserted and removed one by one, by any CPU and by the daemon, so every pair of steps may be torn apart:
//!
//! * A forward entry counts only while the back entry that it names points back to the flow. A back entry points to one
//!   flow, so at any moment one flow at most uses its key, even if somebody removed an entry that was not his.
//! * *Two CPUs, one new flow*: both claim a back entry, one adds the forward entry. The other removes its own back entry
//!   — which no forward entry names, so nobody else touches it — and uses what it finds.
//! * *Two want the same silent translation's place*: reclaiming it takes its lock first, a key of its own
//!   ([`crate::abi::nat::LOCKED`]) that is inserted once too; then the translation is looked at again, and goes forward
//!   first, then back. Nobody removes a back entry that is not his own new one without its lock, so what was removed and
//!   claimed anew in between is never removed by mistake. The daemon's sweep does the same.
//! * *A flow speaks while it is reclaimed*: its packet found both entries and goes, as if it had come a moment earlier;
//!   the next finds none, and opens anew or is refused. The same if the forward entry that is removed is a newer one.
//! * *A daemon that died between the steps of a sweep* leaves a back entry without a forward one, which is silent and is
//!   reclaimed in time, or a lock, which keeps one translation from being reclaimed until the next daemon removes it.
//!
//! `tests/interleavings.rs` walks through all interleavings of these steps.

use super::family::{Entry, Translated};
use crate::abi::counters::Reason;
use crate::abi::nat::{REPLY, SAW_FIN, SAW_MORE, SAW_RST, timeout_s};
use crate::abi::settings::POOL_MAX;
use crate::hash::Hash as _;
use crate::maps::{Added, FamilyMaps, Maps};
use crate::packet::Packet;
use crate::parse::{Place, TCP};

/// How many source addresses and ports are tried for a flow. With nine of ten in use, one flow in six finds none.
pub const CANDIDATES: u32 = 16;

const SECOND_NS: u64 = 1_000_000_000;

/// A client's packet, as far as its translation is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When it came.
    pub now_ns: u64,
    /// The backend that it goes to, as in [`crate::abi::flow::FlowEntry::owner`].
    pub owner: u64,
    /// It may open a flow.
    pub opens: bool,
    /// `SAW_` bits.
    pub saw: u32,
    /// Idle timeout of its service, in seconds.
    pub idle_s: u32,
    /// The interface on which it came.
    pub ifindex: u32,
    /// MAC addresses of an answer.
    pub macs: [u8; 12],
}

/// TCP tells when a flow opens and closes.
#[inline(always)]
pub const fn is_tcp(place: &Place) -> bool {
    place.protocol == TCP
}

/// What a packet does to the state of its way.
#[inline(always)]
pub fn saw<P: Packet>(packet: &P, place: &Place) -> Result<u32, Reason> {
    const FLAGS: usize = 13;
    const FIN: u8 = 0x01;
    const SYN: u8 = 0x02;
    const RST: u8 = 0x04;
    const ACK: u8 = 0x10;
    if !is_tcp(place) {
        return Ok(0);
    }
    let tcp = packet
        .bytes::<20>(place.transport)
        .ok_or(Reason::CannotForward)?;
    let flags = tcp[FLAGS];
    let mut saw = 0;
    if flags & (SYN | ACK) != SYN {
        saw |= SAW_MORE;
    }
    if flags & FIN != 0 {
        saw |= SAW_FIN;
    }
    if flags & RST != 0 {
        saw |= SAW_RST;
    }
    Ok(saw)
}

/// The way back of a flow, known or new; `other` comes with the member's address and port as its client.
///
/// # Errors
/// [`Reason::CannotForward`], [`Reason::NatUnknown`] or [`Reason::NatExhausted`].
#[inline(always)]
pub fn translation<M, F>(
    maps: &M,
    flow: &F::Flow,
    arrival: &Arrival,
    other: &mut F::Flow,
) -> Result<(), Reason>
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    if !super::rewrite::has_ports(F::protocol_of(F::vip_of(flow))) {
        return Err(Reason::CannotForward);
    }
    if known::<M, F>(maps, flow, arrival, other) {
        return Ok(());
    }
    if !arrival.opens {
        return Err(Reason::NatUnknown);
    }
    let mut entry = Entry::<F> {
        other: *flow,
        owner: arrival.owner,
        seen_ns: arrival.now_ns,
        state: REPLY,
        idle_s: arrival.idle_s,
        ifindex: arrival.ifindex,
        macs: arrival.macs,
    };
    if !claim::<M, F>(maps, flow, &F::entry(&entry), arrival.now_ns, other) {
        return Err(Reason::NatExhausted);
    }
    entry.other = *other;
    entry.state = arrival.saw;
    let added = maps.nat_add(flow, &F::entry(&entry));
    if added == Added::Done {
        return Ok(());
    }
    maps.nat_remove(other);
    if known::<M, F>(maps, flow, arrival, other) {
        return Ok(());
    }
    Err(Reason::NatExhausted)
}

/// Whether a flow has a translation to this backend, which then is noted to go on; `other` becomes its way back.
#[inline(always)]
fn known<M, F>(maps: &M, flow: &F::Flow, arrival: &Arrival, other: &mut F::Flow) -> bool
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let Some(entry) = maps.nat(flow) else {
        return false;
    };
    let forward = F::read(&entry);
    if forward.state & REPLY != 0 {
        return false;
    }
    let back = maps.nat(&forward.other).map(|entry| F::read(&entry));
    let back = match back {
        Some(back) if back.other == *flow && forward.owner == arrival.owner => back,
        _ => {
            // It was a former backend's, or is nobody's. Its way back, if there still is one, falls silent.
            if arrival.opens {
                maps.nat_remove(flow);
            }
            return false;
        }
    };
    // A flow that opens where one has ended.
    let ended = (forward.state | back.state) & (SAW_FIN | SAW_RST) != 0;
    if ended && arrival.saw == 0 {
        maps.nat_restart(&forward.other, arrival.now_ns);
        maps.nat_restart(flow, arrival.now_ns);
    } else {
        maps.nat_touch(flow, arrival.now_ns, arrival.saw);
    }
    if back.ifindex != arrival.ifindex || back.macs != arrival.macs {
        maps.nat_move(&forward.other, arrival.ifindex, &arrival.macs);
    }
    *other = forward.other;
    true
}

/// Claims a source address and port of the pool for `back`, the entry of the way back; its key becomes `other`.
#[inline(always)]
fn claim<M, F>(
    maps: &M,
    flow: &F::Flow,
    back: &F::NatEntry,
    now_ns: u64,
    other: &mut F::Flow,
) -> bool
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let Some(settings) = maps.settings() else {
        return false;
    };
    let (addresses, addresses_len) = F::pool(settings);
    let ports = settings.pool_ports as u32;
    let sources = ports * addresses_len;
    if sources == 0 {
        return false;
    }
    let protocol = F::protocol_of(F::vip_of(flow));
    let hash = flow.hash_flow(maps.seed());
    let mut source = scale(hash, sources);
    // So short that no source is tried twice, or all are tried.
    let step = 1 + scale(hash.wrapping_mul(0x9e37_79b1), sources / CANDIDATES);
    for _ in 0..CANDIDATES {
        let address = &addresses[(source / ports) as usize & (POOL_MAX - 1)];
        let port = settings.pool_port.wrapping_add((source % ports) as u16);
        let vip = F::vip(address, port.to_be_bytes(), protocol);
        *other = F::flow(&{ *F::client_of(other) }, F::client_port_of(other), &vip);
        match maps.nat_add(other, back) {
            Added::Done => return true,
            Added::Full => return false,
            Added::Taken => {
                let free = reclaim::<M, F>(maps, other, back, now_ns);
                if free && maps.nat_add(other, back) == Added::Done {
                    return true;
                }
            }
        }
        source += step;
        if source >= sources {
            source -= sources;
        }
    }
    false
}

/// A hash, evenly below `below`, without a division.
#[inline(always)]
const fn scale(hash: u32, below: u32) -> u32 {
    ((hash as u64 * below as u64) >> 32) as u32
}

/// Removes a translation that has been silent for too long, or that `claimant`'s flow had to a former backend, by the
/// key of its way back; whether the key is free now.
#[inline(always)]
fn reclaim<M, F>(maps: &M, key: &F::Flow, claimant: &F::NatEntry, now_ns: u64) -> bool
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    // Most are alive: look before locking.
    if !is_free::<M, F>(maps, key, claimant, now_ns) {
        return false;
    }
    let locked = F::locked(key);
    if maps.nat_add(&locked, claimant) != Added::Done {
        return false;
    }
    let free = is_free::<M, F>(maps, key, claimant, now_ns);
    if free {
        remove::<M, F>(maps, key);
    }
    maps.nat_remove(&locked);
    free
}

/// Removes both ways of a translation, forward first.
#[inline(always)]
fn remove<M, F>(maps: &M, key: &F::Flow)
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let Some(entry) = maps.nat(key) else {
        return;
    };
    let flow = F::read(&entry).other;
    let forward = maps.nat(&flow);
    if forward.is_some_and(|forward| F::read(&forward).other == *key) {
        maps.nat_remove(&flow);
    }
    maps.nat_remove(key);
}

/// See [`reclaim`]; true also if there is no such translation any more.
#[inline(always)]
fn is_free<M, F>(maps: &M, key: &F::Flow, claimant: &F::NatEntry, now_ns: u64) -> bool
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let Some(entry) = maps.nat(key) else {
        return true;
    };
    let back = F::read(&entry);
    if back.state & REPLY == 0 {
        return false;
    }
    let claimant = F::read(claimant);
    if back.other == claimant.other && back.owner != claimant.owner {
        return true;
    }
    let mut seen_ns = back.seen_ns;
    let mut state = 0;
    if let Some(entry) = maps.nat(&back.other) {
        let forward = F::read(&entry);
        // Otherwise the flow is translated otherwise by now.
        if forward.other == *key {
            seen_ns = seen_ns.max(forward.seen_ns);
            state = forward.state;
        }
    }
    let tcp = F::protocol_of(F::vip_of(key)) == TCP;
    let timeout_ns = timeout_s(state, back.state, tcp, back.idle_s) as u64 * SECOND_NS;
    now_ns.saturating_sub(seen_ns) > timeout_ns
}
