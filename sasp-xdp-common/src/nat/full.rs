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
//!   claimed anew in between is never removed by mistake. The daemon's sweep does the same, unless the map has no room
//!   for a lock: then it removes a back entry that no forward one names as soon as it has compared it. If it is claimed
//!   anew in that very moment, the claimant's entries name each other no longer, and its next SYN claims another.
//! * *A flow speaks while it is reclaimed*: its packet found both entries and goes, as if it had come a moment earlier;
//!   the next finds none, and opens anew or is refused. The same if the forward entry that is removed is a newer one.
//! * *A closed flow's source goes to another flow within the minute*: the client's late packets find no translation. The
//!   member's go to the new client, which answers what is not its own with a reset (RFC 9293 section 3.5.2). A member
//!   that is in TIME-WAIT takes the SYN if it seems newer than the old connection by its sequence number or time stamp;
//!   otherwise it answers with an ACK, is reset by the client, and takes the SYN when that is sent again, a second later.
//!   So those sources come last.
//! * *A daemon that died between the steps of a sweep* leaves a back entry without a forward one, which is silent and is
//!   reclaimed in time, or a lock, which keeps one translation from being reclaimed until the next daemon removes it.
//!
//! `tests/interleavings.rs` walks through all interleavings of these steps.

use super::family::Translated;
use crate::abi::counters::Reason;
use crate::abi::nat::{REPLY, SAW_FIN, SAW_MORE, SAW_RST, timeout_s};
use crate::abi::settings::POOL_MAX;
use crate::hash::Hash as _;
use crate::maps::{Added, FamilyMaps, Maps};
use crate::packet::Packet;
use crate::parse::{Place, TCP};
use crate::word::load_u32;

/// How many source addresses and ports are tried for a flow, twice: first the same ones each time, of which none is taken
/// from anybody before its time; then others every half second, of which those of closed flows may be taken too
/// ([`crate::abi::nat::REUSED_S`]). A client that finds none succeeds with one of its next SYNs, if any is free.
pub const CANDIDATES: u32 = 16;

/// A power of two of nanoseconds, half a second: shorter than the time after which a SYN is sent again (RFC 6298).
const EPOCH_NS_LOG2: u32 = 29;
/// Spreads a hash (Knuth).
const GOLDEN: u32 = 0x9e37_79b1;

const SECOND_NS: u64 = 1_000_000_000;

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

/// The way back of a flow, known or new; `other` comes with the member's address and port as its client. `arrival` is
/// what the client's packet would be as an entry, and is spent.
///
/// # Errors
/// [`Reason::CannotForward`], [`Reason::NatUnknown`] or [`Reason::NatExhausted`].
#[inline(always)]
pub fn translation<M, F>(
    maps: &M,
    flow: &F::Flow,
    arrival: &mut F::NatEntry,
    opens: bool,
    other: &mut F::Flow,
) -> Result<(), Reason>
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    if !super::rewrite::has_ports(F::protocol_of(F::vip_of(flow))) {
        return Err(Reason::CannotForward);
    }
    if known::<M, F>(maps, flow, arrival, opens, other) {
        return Ok(());
    }
    if !opens {
        return Err(Reason::NatUnknown);
    }
    let saw = F::state(arrival);
    F::turn(arrival, flow, REPLY);
    if !claim::<M, F>(maps, flow, arrival, other) {
        return Err(Reason::NatExhausted);
    }
    F::turn(arrival, other, saw);
    if maps.nat_add(flow, arrival) == Added::Done {
        return Ok(());
    }
    maps.nat_remove(other);
    if known::<M, F>(maps, flow, arrival, opens, other) {
        return Ok(());
    }
    Err(Reason::NatExhausted)
}

/// Whether a flow has a translation to this backend, which then is noted to go on; `other` becomes its way back. What it
/// had to a former backend is removed if a packet `opens` it; `other` stays then.
#[cfg_attr(target_arch = "bpf", inline(never))]
fn known<M, F>(
    maps: &M,
    flow: &F::Flow,
    arrival: &F::NatEntry,
    opens: bool,
    other: &mut F::Flow,
) -> bool
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let mut key = *other;
    let forward = maps.nat(flow, |entry| {
        key = *F::other(entry);
        (F::state(entry), F::owner(entry) == F::owner(arrival))
    });
    let Some((forward, is_same)) = forward else {
        return false;
    };
    if forward & REPLY != 0 {
        return false;
    }
    let (ifindex, macs) = F::leaves_by(arrival);
    let back = maps.nat(&key, |entry| {
        let (back_ifindex, back_macs) = F::leaves_by(entry);
        let moved = back_ifindex != ifindex || !same_macs(back_macs, macs);
        (F::state(entry), moved, F::same(F::other(entry), flow))
    });
    let Some((back, moved, true)) = back.filter(|_| is_same) else {
        // It was a former backend's, or is nobody's. Its way back, if there still is one, falls silent.
        if opens {
            maps.nat_remove(flow);
        }
        return false;
    };
    let (now_ns, saw) = (F::seen_ns(arrival), F::state(arrival));
    // A flow that opens where one has ended.
    if (forward | back) & (SAW_FIN | SAW_RST) != 0 && saw == 0 {
        maps.nat_restart(&key, now_ns);
        maps.nat_restart(flow, now_ns);
    } else {
        maps.nat_touch(flow, now_ns, saw);
    }
    if moved {
        maps.nat_move(&key, ifindex, macs);
    }
    *other = key;
    true
}

#[inline(always)]
fn same_macs(one: &[u8; 12], other: &[u8; 12]) -> bool {
    let words = |macs: &[u8; 12]| {
        [
            load_u32::<0, _>(macs),
            load_u32::<4, _>(macs),
            load_u32::<8, _>(macs),
        ]
    };
    let ([a, b, c], [d, e, f]) = (words(one), words(other));
    (a ^ d) | (b ^ e) | (c ^ f) == 0
}

/// Claims a source address and port of the pool for `back`, the entry of the way back; its key becomes `other`.
#[cfg_attr(target_arch = "bpf", inline(never))]
fn claim<M, F>(maps: &M, flow: &F::Flow, back: &F::NatEntry, other: &mut F::Flow) -> bool
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
    if ports == 0 || sources == 0 {
        return false;
    }
    let protocol = F::protocol_of(F::vip_of(flow));
    let hash = flow.hash_flow(maps.seed());
    let mut source = scale(hash, sources);
    // So short that no source is tried twice, or all are tried.
    let step = 1 + scale(hash.wrapping_mul(GOLDEN), sources / CANDIDATES);
    for tried in 0..2 * CANDIDATES {
        if tried == CANDIDATES {
            let epoch = (F::seen_ns(back) >> EPOCH_NS_LOG2) as u32;
            source = scale((hash ^ epoch).wrapping_mul(GOLDEN), sources);
        }
        let address = &addresses[(source / ports) as usize & (POOL_MAX - 1)];
        let port = settings.pool_port.wrapping_add((source % ports) as u16);
        let vip = F::vip(address, port.to_be_bytes(), protocol);
        *other = F::flow(&{ *F::client_of(other) }, F::client_port_of(other), &vip);
        match maps.nat_add(other, back) {
            Added::Done => return true,
            Added::Full => return false,
            Added::Taken => {
                let free = reclaim::<M, F>(maps, other, back, tried >= CANDIDATES);
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
/// key of its way back; whether the key is free now. `scarce` as in [`timeout_s`].
#[cfg_attr(target_arch = "bpf", inline(never))]
fn reclaim<M, F>(maps: &M, key: &F::Flow, claimant: &F::NatEntry, scarce: bool) -> bool
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    // Most are alive: look before locking.
    if !is_free::<M, F>(maps, key, claimant, scarce) {
        return false;
    }
    let locked = F::locked(key);
    if maps.nat_add(&locked, claimant) != Added::Done {
        return false;
    }
    let free = is_free::<M, F>(maps, key, claimant, scarce);
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
    let Some(flow) = maps.nat(key, |back| *F::other(back)) else {
        return;
    };
    if maps.nat(&flow, |forward| F::same(F::other(forward), key)) == Some(true) {
        maps.nat_remove(&flow);
    }
    maps.nat_remove(key);
}

/// See [`reclaim`]; true also if there is no such translation any more.
#[cfg_attr(target_arch = "bpf", inline(never))]
fn is_free<M, F>(maps: &M, key: &F::Flow, claimant: &F::NatEntry, scarce: bool) -> bool
where
    M: Maps + FamilyMaps<F>,
    F: Translated,
{
    let free = maps.nat(key, |back| {
        let state = F::state(back);
        if state & REPLY == 0 {
            return false;
        }
        let own = F::same(F::other(back), F::other(claimant));
        if own && F::owner(back) != F::owner(claimant) {
            return true;
        }
        // Otherwise the flow is translated otherwise by now.
        let forward = maps.nat(F::other(back), |forward| {
            let is_of_it = F::same(F::other(forward), key);
            let seen_ns = if is_of_it { F::seen_ns(forward) } else { 0 };
            (seen_ns, if is_of_it { F::state(forward) } else { 0 })
        });
        let (seen_ns, forward) = forward.unwrap_or((0, 0));
        let seen_ns = if seen_ns > F::seen_ns(back) {
            seen_ns
        } else {
            F::seen_ns(back)
        };
        let tcp = F::protocol_of(F::vip_of(key)) == TCP;
        let timeout_s = timeout_s(forward, state, tcp, F::idle_s(back), scarce);
        F::seen_ns(claimant).saturating_sub(seen_ns) > timeout_s as u64 * SECOND_NS
    });
    free.unwrap_or(true)
}
