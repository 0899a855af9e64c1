//! How much kernel memory the maps take, as the kernel itself reckons (`map_mem_usage` in kernel/bpf/hashtab.c,
//! arraymap.c and lpm_trie.c, Linux 6.18), but for the few hundred bytes that every map has of its own.

use aya::maps::MapType;
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::slot::Table;

use super::{Layout, MAPS};
use crate::datapath::options::Sizes;

/// Bytes of kernel memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Memory {
    /// Remembered flows.
    pub flows: u64,
    /// Tables of services.
    pub tables: u64,
    /// All other maps.
    pub others: u64,
    /// Translations of `full-nat`: nothing until there are some, and so much for as many as there may be.
    pub translations: u64,
}

impl Memory {
    /// Taken from the start.
    pub const fn taken(&self) -> u64 {
        self.flows + self.tables + self.others
    }
}

/// Of so many services, with so many source rules together, on a host that may have so many CPUs.
pub fn memory(sizes: &Sizes, services: usize, source_rules: usize, cpus: usize) -> Memory {
    let mut memory = Memory {
        tables: (services * size_of::<Table>()) as u64,
        // Each has a node of its own and one at most where its prefix parts from another's.
        others: (source_rules * 2 * LPM_NODE) as u64,
        ..Memory::default()
    };
    for layout in &MAPS {
        let (at_once, on_demand) = layout.bytes(sizes, cpus);
        match layout.name {
            names::FLOWS_V4 | names::FLOWS_V6 => memory.flows += at_once,
            _ => memory.others += at_once,
        }
        memory.translations += on_demand;
    }
    memory
}

/// CPUs that this host may have: maps hold a value for each.
///
/// # Errors
/// What the kernel does not say, with the file that it should be in.
pub fn possible_cpus() -> Result<usize, String> {
    aya::util::nr_cpus().map_err(|(path, error)| format!("{path}: {error}"))
}

/// `struct htab_elem` before the key.
const HASH_ELEMENT: usize = 48;
/// `struct bucket`: a list's head and a lock.
const BUCKET: usize = 16;
/// A pointer.
const POINTER: usize = 8;
/// `struct lpm_trie_node` with the longest key of ours, as the slab hands it out.
const LPM_NODE: usize = 64;

impl Layout {
    /// What is allocated with the map, and what its elements take once all of them are there.
    fn bytes(&self, sizes: &Sizes, cpus: usize) -> (u64, u64) {
        let entries = self.entries.of(sizes) as usize;
        let (key, value) = (self.key.next_multiple_of(8), self.value.next_multiple_of(8));
        let element = HASH_ELEMENT + key + value;
        let buckets = entries.next_power_of_two() * BUCKET;
        let (at_once, on_demand) = match self.kind {
            // Allocated entry by entry, see the program's maps.
            MapType::Hash if matches!(self.name, names::NAT_V4 | names::NAT_V6) => {
                (buckets, entries * (element + POINTER))
            }
            // Each CPU has a spare element.
            MapType::Hash => (buckets + (entries + cpus) * element + cpus * POINTER, 0),
            MapType::LruHash => (buckets + entries * element, 0),
            MapType::PerCpuArray => (entries * (POINTER + value * cpus), 0),
            // As many as there are rules, which are counted there.
            MapType::LpmTrie => (0, 0),
            _ => (entries * value, 0),
        };
        (at_once as u64, on_demand as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;

    #[test]
    fn the_default_sizes_take_less_than_64_mb_with_every_translation_there_may_be() {
        let memory = memory(&Sizes::default(), 1, 0, 2);
        assert!(memory.taken() + memory.translations < 64 * MB, "{memory:?}");
        assert!(memory.flows > 10 * MB, "{memory:?}");
    }

    #[test]
    fn more_of_anything_takes_more() {
        let sizes = Sizes::default();
        let taken = |services, rules, cpus| memory(&sizes, services, rules, cpus).taken();
        let one = taken(1, 0, 1);
        assert_eq!(taken(2, 0, 1) - one, 256 * 1024);
        assert!(taken(1, 100, 1) > one && taken(1, 0, 64) > one);
        let more = Sizes {
            flows: sizes.flows * 2,
            ..sizes
        };
        assert!(memory(&more, 1, 0, 1).flows > memory(&sizes, 1, 0, 1).flows);
    }
}
