//! Translations of `full-nat`, read and removed.

use std::io;

use aya::Pod;
use sasp_xdp_common::abi::flow::{Flow4, Flow6};
use sasp_xdp_common::abi::nat::{LOCKED, NatEntry4, NatEntry6};

use super::error::Error;
use super::map::Map;
use super::maps::Maps;
use crate::balance::change::FlowKey;
use crate::balance::translations::{Judge, Stale, Translation};

/// So many are asked for at a time.
const PART: usize = 4096;

/// How far a walk through both maps has come.
#[derive(Clone, Debug, Default)]
pub struct Walk {
    v6: bool,
    position: Option<u32>,
    finished: bool,
}

impl Walk {
    /// Whether every entry has been met that was there all the time.
    pub fn is_finished(&self) -> bool {
        self.finished
    }
}

/// The next entries, about [`PART`] of them, each with what is under the key of its other way if `judge` suspects it.
pub(super) fn next(
    maps: &Maps,
    walk: &mut Walk,
    judge: &Judge,
) -> Result<Vec<(Translation, Option<Translation>)>, Error> {
    let found = match walk.v6 {
        false => part::<Flow4>(&maps.nat_v4, &mut walk.position, judge),
        true => part::<Flow6>(&maps.nat_v6, &mut walk.position, judge),
    };
    let found = found.map_err(Error::map_call("read translations"))?;
    if walk.position.is_none() {
        walk.finished = walk.v6;
        walk.v6 = true;
    }
    Ok(found)
}

fn part<K: Key>(
    map: &Map<K, K::Entry>,
    position: &mut Option<u32>,
    judge: &Judge,
) -> io::Result<Vec<(Translation, Option<Translation>)>> {
    let mut found = Vec::new();
    map.next_part(position, &mut map.room(PART), |key, entry| {
        found.push((key.read(&entry[0]), None));
    })?;
    for (entry, other) in &mut found {
        if judge.suspects(entry) {
            *other = look_up(map, &entry.other)?;
        }
    }
    Ok(found)
}

fn look_up<K: Key>(map: &Map<K, K::Entry>, key: &FlowKey) -> io::Result<Option<Translation>> {
    let Some(key) = K::of(key) else {
        return Ok(None);
    };
    Ok(map.get(&key)?.map(|entry| key.read(&entry)))
}

/// Removes those that are still as they were read; says how many flows and lone entries that were. A flow that speaks
/// in the microsecond between the second look and the removal is removed all the same, as if it had spoken after it.
pub(super) fn delete(maps: &mut Maps, stale: &[Stale], now_ns: u64) -> Result<usize, Error> {
    let mut deleted = 0;
    for stale in stale {
        let (Stale::Alone(entry) | Stale::Flow { back: entry, .. }) = stale;
        let gone = match entry.key {
            FlowKey::V4(_) => delete_one::<Flow4>(&mut maps.nat_v4, stale, now_ns),
            FlowKey::V6(_) => delete_one::<Flow6>(&mut maps.nat_v6, stale, now_ns),
        };
        deleted += usize::from(gone.map_err(Error::map_call("remove a translation"))?);
    }
    Ok(deleted)
}

fn delete_one<K: Key>(map: &mut Map<K, K::Entry>, stale: &Stale, now_ns: u64) -> io::Result<bool> {
    let (back, forward) = match stale {
        Stale::Alone(entry) => return delete_same(map, entry),
        Stale::Flow { back, forward } => (back, forward),
    };
    let Some(lock) = K::of(&back.key).map(K::locked) else {
        return Ok(false);
    };
    match take_lock(map, &lock, forward.as_ref(), now_ns) {
        Ok(true) => {}
        Ok(false) => return Ok(false),
        // The way forward is gone by now, if there was one, and has made room for somebody else. A way back alone is
        // nobody's, and must not stay for want of a lock. Should it be reclaimed and claimed anew in the microsecond in
        // which it is compared, that flow's next SYN claims another: see `sasp_xdp_common::nat::full`, nobody shares.
        Err(error) if is_full(&error) => return delete_same(map, back),
        Err(error) => return Err(error),
    }
    let result = delete_flow(map, back, forward.as_ref());
    map.delete(&lock)?;
    result
}

/// The packet path keeps its hands off a translation while its lock is held. In a map that is full there is no room for
/// the lock until the way forward has made it: an error that [`is_full`] says that this is gone, and there is none still.
fn take_lock<K: Key>(
    map: &mut Map<K, K::Entry>,
    lock: &K,
    forward: Option<&Translation>,
    now_ns: u64,
) -> io::Result<bool> {
    match (map.insert_new(lock, K::lock_entry(now_ns)), forward) {
        (Err(error), Some(forward)) if is_full(&error) => {
            Ok(delete_same(map, forward)? && map.insert_new(lock, K::lock_entry(now_ns))?)
        }
        (result, _) => result,
    }
}

/// There is no room for another entry.
fn is_full(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::E2BIG)
}

/// Forward first: a way back that is left alone goes by its own time.
fn delete_flow<K: Key>(
    map: &mut Map<K, K::Entry>,
    back: &Translation,
    forward: Option<&Translation>,
) -> io::Result<bool> {
    if let Some(forward) = forward {
        let spoken = K::of(&forward.key)
            .map(|key| map.get(&key))
            .transpose()?
            .flatten()
            .is_some_and(|now| K::read_key(&forward.key, &now) != Some(*forward));
        if spoken {
            return Ok(false);
        }
        delete_same(map, forward)?;
    }
    delete_same(map, back)
}

/// Removes an entry unless it has changed.
fn delete_same<K: Key>(map: &mut Map<K, K::Entry>, read: &Translation) -> io::Result<bool> {
    let Some(key) = K::of(&read.key) else {
        return Ok(false);
    };
    let now = map.get(&key)?;
    let same = now.is_some_and(|now| K::read(&key, &now) == *read);
    Ok(same && map.delete(&key)?)
}

/// A flow of one family.
trait Key: Pod + Default {
    type Entry: Pod + Default;

    fn of(key: &FlowKey) -> Option<Self>;
    fn locked(self) -> Self;
    fn lock_entry(now_ns: u64) -> Self::Entry;
    fn read(&self, entry: &Self::Entry) -> Translation;

    fn read_key(key: &FlowKey, entry: &Self::Entry) -> Option<Translation> {
        Self::of(key).map(|key| key.read(entry))
    }
}

macro_rules! key {
    ($flow:ty, $entry:ident, $family:ident) => {
        impl Key for $flow {
            type Entry = $entry;

            fn of(key: &FlowKey) -> Option<Self> {
                match key {
                    FlowKey::$family(flow) => Some(*flow),
                    _ => None,
                }
            }

            fn locked(self) -> Self {
                Self {
                    reserved: LOCKED,
                    ..self
                }
            }

            fn lock_entry(now_ns: u64) -> $entry {
                $entry {
                    seen_ns: now_ns,
                    ..$entry::default()
                }
            }

            fn read(&self, entry: &$entry) -> Translation {
                Translation {
                    key: FlowKey::$family(*self),
                    other: FlowKey::$family(entry.other),
                    owner: entry.owner,
                    seen_ns: entry.seen_ns,
                    state: entry.state,
                    idle_s: entry.idle_s,
                }
            }
        }
    };
}

key!(Flow4, NatEntry4, V4);
key!(Flow6, NatEntry6, V6);
