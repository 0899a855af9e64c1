//! A pinned map, read and written by whole entries and in batches.
//!
//! aya's own map types have no batches and do not lend their file descriptors. Looking never changes what an LRU map
//! drops next: single look-ups end in `htab_lru_map_lookup_elem_sys` and batches in
//! `__htab_map_lookup_and_delete_batch`, which both leave an entry's reference bit alone.

use std::collections::BTreeMap;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use aya::Pod;
use aya::maps::{MapData, MapType};
use aya::util::nr_cpus;

use super::error::{Error, chain};
use super::sys::{BatchAttr, Command, ENOTSUPP, ElementAttr, NO_EXIST, bpf};

/// Entries that one batch asks for; it grows if a hash bucket holds more.
const BATCH: usize = 4096;

/// A map whose keys are `K` and whose values consist of `lanes` times `V`: one, unless there is one for each CPU or
/// the value is an array.
///
/// Invariant: `K` is as long as the map's keys, and `lanes` times `V` as long as what the kernel copies for a value.
pub(super) struct Map<K, V> {
    data: MapData,
    entries: u32,
    lanes: usize,
    types: PhantomData<(K, V)>,
}

/// Where the kernel puts entries of a map, as its [`Map::room`] has made it.
pub(super) struct Room<K, V> {
    keys: Vec<K>,
    values: Vec<V>,
}

impl<K: Pod + Default, V: Pod + Default> Map<K, V> {
    /// Opens the map that is pinned in `directory` under `name`.
    pub(super) fn open(directory: &Path, name: &str) -> Result<Self, Error> {
        let bad = |why: String| Error::BadPin {
            name: name.to_owned(),
            why,
        };
        let data = MapData::from_pin(directory.join(name)).map_err(|error| bad(chain(&error)))?;
        let info = data.info().map_err(|error| bad(chain(&error)))?;
        let mut bytes = info.value_size() as usize;
        if matches!(info.map_type(), Ok(MapType::PerCpuArray)) {
            let cpus = nr_cpus().map_err(|(path, error)| bad(format!("{path}: {error}")))?;
            bytes = bytes.next_multiple_of(8) * cpus;
        }
        if info.key_size() as usize != size_of::<K>() || !bytes.is_multiple_of(size_of::<V>()) {
            return Err(bad("its keys or values have another size".to_owned()));
        }
        Ok(Self {
            data,
            entries: info.max_entries(),
            lanes: bytes / size_of::<V>(),
            types: PhantomData,
        })
    }

    /// How many entries fit.
    pub(super) fn entries(&self) -> u32 {
        self.entries
    }

    /// The value of a key, all its lanes.
    pub(super) fn lanes(&self, key: &K) -> io::Result<Option<Vec<V>>> {
        let mut value = vec![V::default(); self.lanes];
        let mut attr = self.element(key, value.as_mut_ptr() as u64);
        // SAFETY: by the invariant, the kernel reads a `K` and writes as much as `value` holds.
        match unsafe { bpf(Command::MapLookup, &mut attr) } {
            Ok(_) => Ok(Some(value)),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The value of a key, its first lane.
    pub(super) fn get(&self, key: &K) -> io::Result<Option<V>> {
        Ok(self.lanes(key)?.and_then(|value| value.first().copied()))
    }

    /// Sets the value of a key, every lane the same.
    pub(super) fn set(&mut self, key: &K, value: V) -> io::Result<()> {
        let value = vec![value; self.lanes];
        let mut attr = self.element(key, value.as_ptr() as u64);
        // SAFETY: by the invariant, the kernel reads a `K` and as much as `value` holds.
        unsafe { bpf(Command::MapUpdate, &mut attr) }?;
        Ok(())
    }

    /// Adds a key that is not there yet; false if it is.
    pub(super) fn insert_new(&mut self, key: &K, value: V) -> io::Result<bool> {
        let value = vec![value; self.lanes];
        let mut attr = self.element(key, value.as_ptr() as u64);
        attr.flags = NO_EXIST;
        // SAFETY: by the invariant, the kernel reads a `K` and as much as `value` holds.
        match unsafe { bpf(Command::MapUpdate, &mut attr) } {
            Ok(_) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Everything in a map that nobody writes to meanwhile, key by key: a trie's positions in batches are as long as its
    /// keys.
    pub(super) fn read_all(&self) -> io::Result<BTreeMap<K, V>>
    where
        K: Ord,
    {
        let mut read = BTreeMap::new();
        self.for_each_singly(|key, value| {
            read.insert(*key, value[0]);
        })?;
        Ok(read)
    }

    /// Takes a key out; false if it was not there.
    pub(super) fn delete(&mut self, key: &K) -> io::Result<bool> {
        let mut attr = self.element(key, 0);
        // SAFETY: by the invariant, the kernel reads a `K`.
        match unsafe { bpf(Command::MapDelete, &mut attr) } {
            Ok(_) => Ok(true),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Visits every entry with its lanes. A hash map is walked bucket by bucket, so entries that come and go
    /// meanwhile neither restart nor lengthen the walk.
    pub(super) fn for_each(&self, mut visit: impl FnMut(&K, &[V])) -> io::Result<()> {
        let mut room = self.room(BATCH);
        let mut position = None;
        loop {
            match self.next_part(&mut position, &mut room, &mut visit) {
                Ok(()) if position.is_none() => return Ok(()),
                Ok(()) => {}
                // Arrays of one value for each CPU have batches from 5.13 on (f008d732ab18).
                Err(error) if error.raw_os_error() == Some(ENOTSUPP) && position.is_none() => {
                    return self.for_each_singly(visit);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Visits the entries behind a position, as many as there is room for, and moves it on: `None` is the beginning and
    /// the end.
    pub(super) fn next_part(
        &self,
        position: &mut Option<u32>,
        room: &mut Room<K, V>,
        mut visit: impl FnMut(&K, &[V]),
    ) -> io::Result<()> {
        loop {
            let mut next = 0_u32;
            let mut attr = BatchAttr {
                in_batch: position.as_ref().map_or(0, address),
                out_batch: std::ptr::from_mut(&mut next) as u64,
                keys: room.keys.as_mut_ptr() as u64,
                values: room.values.as_mut_ptr() as u64,
                count: room.keys.len() as u32,
                map_fd: self.fd(),
                ..BatchAttr::default()
            };
            // SAFETY: the kernel writes `count` keys and values at most, which by the invariant fit; positions in
            // arrays and hash tables are 4 bytes.
            let result = unsafe { bpf(Command::MapLookupBatch, &mut attr) };
            *position = match result.map_err(|error| (error.raw_os_error(), error)) {
                Ok(_) => Some(next),
                Err((Some(libc::ENOENT), _)) => None,
                // One bucket alone is larger: nothing was read, and the position is as before.
                Err((Some(libc::ENOSPC), _)) if room.keys.len() < self.entries as usize => {
                    *room = self.room(room.keys.len() * 2);
                    continue;
                }
                Err((_, error)) => return Err(error),
            };
            let read = room.keys.iter().zip(room.values.chunks_exact(self.lanes));
            read.take(attr.count as usize)
                .for_each(|(key, value)| visit(key, value));
            return Ok(());
        }
    }

    /// Room for so many entries, or for all that there may be.
    pub(super) fn room(&self, entries: usize) -> Room<K, V> {
        let entries = entries.min(self.entries as usize).max(1);
        Room {
            keys: vec![K::default(); entries],
            values: vec![V::default(); entries * self.lanes],
        }
    }

    /// The same without batches. Entries that come and go meanwhile may make it start again, in maps that have them.
    fn for_each_singly(&self, mut visit: impl FnMut(&K, &[V])) -> io::Result<()> {
        let mut position = None;
        loop {
            let mut next = K::default();
            let mut attr = ElementAttr {
                map_fd: self.fd(),
                key: position.as_ref().map_or(0, address),
                // This command has the next key where others have the value.
                value: std::ptr::from_mut(&mut next) as u64,
                ..ElementAttr::default()
            };
            // SAFETY: by the invariant, the kernel reads a `K` unless the address is zero, and writes one.
            match unsafe { bpf(Command::MapNextKey, &mut attr) } {
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOENT) => return Ok(()),
                Err(error) => return Err(error),
            }
            if let Some(value) = self.lanes(&next)? {
                visit(&next, &value);
            }
            position = Some(next);
        }
    }

    fn element(&self, key: &K, value: u64) -> ElementAttr {
        ElementAttr {
            map_fd: self.fd(),
            key: address(key),
            value,
            ..ElementAttr::default()
        }
    }

    /// Number of the file descriptor, as bpf(2) takes it.
    pub(super) fn fd(&self) -> u32 {
        self.data.fd().as_fd().as_raw_fd() as u32
    }
}

impl<K, V> std::fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Map")
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

fn address<T>(value: &T) -> u64 {
    std::ptr::from_ref(value) as u64
}
