//! The BPF maps, and how the pipeline's questions are put to them. Layouts and names are `sasp_xdp_common::abi`'s.

use aya_ebpf::Global;
use aya_ebpf::bindings::BPF_ANY;
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, HashMap, LruHashMap, PerCpuArray};
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::macros::btf_map;
use sasp_xdp_common::abi::backend::{Backend, Index};
use sasp_xdp_common::abi::counters::{REASONS as REASONS_MAX, Reason, Traffic};
use sasp_xdp_common::abi::flow::{Flow4, Flow6, FlowEntry};
use sasp_xdp_common::abi::limits;
use sasp_xdp_common::abi::service::{Service, Vip4, Vip6};
use sasp_xdp_common::abi::slot::{Slot, Table, slot_of};
use sasp_xdp_common::maps::{FamilyMaps, Maps};

#[btf_map]
static SERVICES_V4: HashMap<Vip4, Service, { limits::SERVICES }> = HashMap::new();
#[btf_map]
static SERVICES_V6: HashMap<Vip6, Service, { limits::SERVICES }> = HashMap::new();
#[btf_map]
static TABLES: ArrayOfMaps<Array<Table, 1>, { limits::SERVICES }> = ArrayOfMaps::new();
#[btf_map]
static BACKENDS: Array<Backend, { limits::BACKENDS }> = Array::new();
#[btf_map]
static FLOWS_V4: LruHashMap<Flow4, FlowEntry, { limits::FLOWS }> = LruHashMap::new();
#[btf_map]
static FLOWS_V6: LruHashMap<Flow6, FlowEntry, { limits::FLOWS }> = LruHashMap::new();
#[btf_map]
static TRAFFIC: PerCpuArray<Traffic, { limits::BACKENDS }> = PerCpuArray::new();
#[btf_map]
static REASONS: PerCpuArray<u64, REASONS_MAX> = PerCpuArray::new();
/// Only userspace touches it; it stands here so that one loader makes all maps.
#[btf_map]
static RETIRED: Array<Traffic, { limits::SERVICES }> = Array::new();

/// Fixed at load, so that the verifier folds it into the code.
#[unsafe(no_mangle)]
static SEED: Global<u64> = Global::new(0);

/// The pipeline's view of the maps.
pub(crate) struct KernelMaps;

impl Maps for KernelMaps {
    #[inline(always)]
    fn seed(&self) -> u64 {
        SEED.load()
    }

    #[inline(always)]
    fn now_ns(&self) -> u64 {
        // SAFETY: the helper takes nothing and gives a number.
        unsafe { bpf_ktime_get_ns() }
    }

    #[inline(always)]
    fn slot(&self, service: u32, hash: u32) -> Option<Slot> {
        let table = TABLES.get_value(service, &0)?;
        // In bounds, as the mask shows the compiler and the verifier.
        Some(table[slot_of(hash)])
    }

    #[inline(always)]
    fn backend(&self, index: Index) -> Option<&Backend> {
        BACKENDS.get(index.into())
    }

    #[inline(always)]
    fn count_traffic(&self, index: Index, bytes: usize, opened: bool) {
        if let Some(traffic) = TRAFFIC.get_ptr_mut(index.into()) {
            // SAFETY: a per-CPU value; programs of one CPU do not run into each other, and userspace writes to it only
            // once no packet leads here.
            let traffic = unsafe { &mut *traffic };
            traffic.packets = traffic.packets.wrapping_add(1);
            traffic.bytes = traffic.bytes.wrapping_add(bytes as u64);
            traffic.opened = traffic.opened.wrapping_add(opened.into());
        }
    }

    #[inline(always)]
    fn count(&self, reason: Reason) {
        if let Some(counter) = REASONS.get_ptr_mut(reason as u32) {
            // SAFETY: as in `count_traffic`.
            unsafe { *counter = (*counter).wrapping_add(1) };
        }
    }
}

macro_rules! family {
    ($vip:ty, $flow:ty, $services:ident, $flows:ident) => {
        impl FamilyMaps<$vip, $flow> for KernelMaps {
            #[inline(always)]
            fn service(&self, vip: &$vip) -> Option<Service> {
                // SAFETY: 8 bytes, copied out at once; userspace replaces the entry whole when it changes it.
                unsafe { $services.get(vip) }.copied()
            }

            #[inline(always)]
            fn flow(&self, flow: &$flow) -> Option<FlowEntry> {
                // SAFETY: copied out at once. Another CPU may write the entry meanwhile; each half is one word, and
                // an owner with another moment's `seen_ns` is a true state.
                unsafe { $flows.get(flow) }.copied()
            }

            #[inline(always)]
            fn remember(&self, flow: &$flow, entry: FlowEntry) -> bool {
                $flows.insert(flow, entry, BPF_ANY.into()).is_ok()
            }

            #[inline(always)]
            fn refresh(&self, flow: &$flow, entry: FlowEntry) -> bool {
                let Some(known) = $flows.get_ptr_mut(flow) else {
                    return false;
                };
                // SAFETY: both fields are words that any CPU may read and write at any time. If the map gives the place
                // to another flow in between, that one's time is a moment too young, and its owner is untouched.
                unsafe {
                    if (*known).owner != entry.owner {
                        return false;
                    }
                    (*known).seen_ns = entry.seen_ns;
                }
                true
            }
        }
    };
}

family!(Vip4, Flow4, SERVICES_V4, FLOWS_V4);
family!(Vip6, Flow6, SERVICES_V6, FLOWS_V6);
