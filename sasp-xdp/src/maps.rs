//! The BPF maps, and how the pipeline's questions are put to them. Layouts and names are `sasp_xdp_common::abi`'s.

use aya_ebpf::Global;
use aya_ebpf::bindings::{BPF_ANY, BPF_F_NO_PREALLOC, BPF_NOEXIST, xdp_md};
use aya_ebpf::btf_maps::lpm_trie::Key;
use aya_ebpf::btf_maps::{Array, ArrayOfMaps, HashMap, LpmTrie, LruHashMap, PerCpuArray};
use aya_ebpf::helpers::bpf_ktime_get_ns;
use aya_ebpf::macros::btf_map;
use aya_ebpf::programs::XdpContext;
use sasp_xdp_common::abi::backend::{Backend, Index};
use sasp_xdp_common::abi::counters::{REASONS as REASONS_MAX, Reason, Traffic};
use sasp_xdp_common::abi::flow::{Flow4, Flow6, FlowEntry};
use sasp_xdp_common::abi::fragment::{Fragment4, Fragment6, FragmentEntry};
use sasp_xdp_common::abi::limits;
use sasp_xdp_common::abi::nat::{NatEntry4, NatEntry6, REPLY, then};
use sasp_xdp_common::abi::quic::ServerId;
use sasp_xdp_common::abi::service::{Service, Vip4, Vip6};
use sasp_xdp_common::abi::settings::{Bucket, LIMITERS as LIMITERS_MAX, Limiter, Settings, take};
use sasp_xdp_common::abi::slot::{Slot, Table, slot_of};
use sasp_xdp_common::abi::source::SERVICE_BITS;
use sasp_xdp_common::family::{V4, V6};
use sasp_xdp_common::maps::{Added, FamilyMaps, Maps, Question, Way};

use sasp_xdp_common::pipeline::Job;
use sasp_xdp_common::verdict::Verdict;

use crate::sum::COPY;
use crate::way;

/// Allocated entry by entry: what nobody uses takes no memory.
const NO_PREALLOC: usize = BPF_F_NO_PREALLOC as usize;
/// Errors of the kernel, `errno` negated.
const EEXIST: i32 = -17;

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
static SETTINGS: Array<Settings, 1> = Array::new();
#[btf_map]
static LIMITERS: Array<Bucket, LIMITERS_MAX> = Array::new();
#[btf_map]
static MTUS: HashMap<u32, u32, { limits::INTERFACES }> = HashMap::new();
#[btf_map]
static VIPS_V4: HashMap<[u8; 4], u32, { limits::SERVICES }> = HashMap::new();
#[btf_map]
static VIPS_V6: HashMap<[u8; 16], u32, { limits::SERVICES }> = HashMap::new();
#[btf_map]
static REPLIES_V4: HashMap<Vip4, Vip4, { limits::BACKENDS }> = HashMap::new();
#[btf_map]
static REPLIES_V6: HashMap<Vip6, Vip6, { limits::BACKENDS }> = HashMap::new();
#[btf_map]
static NAT_V4: HashMap<Flow4, NatEntry4, { limits::TRANSLATIONS }, NO_PREALLOC> = HashMap::new();
#[btf_map]
static NAT_V6: HashMap<Flow6, NatEntry6, { limits::TRANSLATIONS }, NO_PREALLOC> = HashMap::new();
#[btf_map]
static FRAGMENTS_V4: LruHashMap<Fragment4, FragmentEntry, { limits::FRAGMENTS }> =
    LruHashMap::new();
#[btf_map]
static FRAGMENTS_V6: LruHashMap<Fragment6, FragmentEntry, { limits::FRAGMENTS }> =
    LruHashMap::new();
#[btf_map]
static SOURCES_V4: LpmTrie<[u8; 8], u32, { limits::SOURCE_RULES }> = LpmTrie::new();
#[btf_map]
static SOURCES_V6: LpmTrie<[u8; 20], u32, { limits::SOURCE_RULES }> = LpmTrie::new();
#[btf_map]
static QUIC_IDS: HashMap<ServerId, u32, { limits::BACKENDS }> = HashMap::new();
#[btf_map]
static TRAFFIC: PerCpuArray<Traffic, { limits::BACKENDS }> = PerCpuArray::new();
#[btf_map]
static REASONS: PerCpuArray<u64, REASONS_MAX> = PerCpuArray::new();
/// Only userspace touches it; it stands here so that one loader makes all maps.
#[btf_map]
static RETIRED: Array<Traffic, { limits::SERVICES }> = Array::new();

/// Where a packet under way is noted, and behind that where its bytes are copied to be summed. A program of one CPU
/// does not run into another.
#[btf_map]
static WORK: PerCpuArray<Work, 1> = PerCpuArray::new();

#[repr(C)]
struct Work {
    job: [u64; 64],
    copy: [u64; COPY / 8],
}

/// Where [`COPY`] bytes of a frame may be copied.
#[inline(always)]
pub(crate) fn copy() -> Option<*mut [u64; COPY / 8]> {
    let work = WORK.get_ptr_mut(0)?;
    // SAFETY: a place within the map's value; nothing is read.
    Some(unsafe { &raw mut (*work).copy })
}

/// Fixed at load, so that the verifier folds it into the code.
#[unsafe(no_mangle)]
static SEED: Global<u64> = Global::new(0);

/// The pipeline's view of the maps.
pub(crate) struct KernelMaps {
    ctx: *mut xdp_md,
}

impl KernelMaps {
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self { ctx: ctx.ctx }
    }
}

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
    fn settings(&self) -> Option<&Settings> {
        SETTINGS.get(0)
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
    fn quic_backend(&self, id: &ServerId) -> Option<Index> {
        // SAFETY: one word, copied out at once.
        let index = unsafe { QUIC_IDS.get(id) }.copied()?;
        Some(index as Index)
    }

    #[inline(always)]
    fn take(&self, limiter: Limiter, per_second: u32) -> bool {
        let Some(bucket) = LIMITERS.get_ptr_mut(limiter as u32) else {
            return false;
        };
        // SAFETY: one word that all CPUs read and write as they come: a race gives a token twice.
        let spent = unsafe { (*bucket).spent_ns };
        let Some(then) = take(spent, self.now_ns(), per_second) else {
            return false;
        };
        // SAFETY: as above.
        unsafe { (*bucket).spent_ns = then };
        true
    }

    #[inline(always)]
    fn mtu(&self, ifindex: u32) -> Option<u32> {
        // SAFETY: one word, copied out at once.
        unsafe { MTUS.get(ifindex) }.copied()
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
    ($family:ty, $address:ty, $vip:ty, $flow:ty, $fragment:ty, $nat_entry:ty,
     $services:ident, $vips:ident, $flows:ident, $fragments:ident, $sources:ident, $replies:ident, $nat:ident,
     $way:path, $source:literal) => {
        impl FamilyMaps<$family> for KernelMaps {
            #[inline(always)]
            fn with_job(&self, work: impl FnOnce(&mut Job<$family>) -> Verdict) -> Verdict {
                const { assert!(size_of::<Job<$family>>() <= size_of::<[u64; 64]>()) };
                let Some(place) = WORK.get_ptr_mut(0) else {
                    return Verdict::PASS;
                };
                let job = place.cast::<Job<$family>>();
                // SAFETY: large enough, aligned as u64, and of this CPU alone.
                unsafe { job.write(Job::default()) };
                // SAFETY: it has just been written, and nobody else has a reference.
                work(unsafe { &mut *job })
            }

            #[inline(always)]
            fn service(&self, vip: &$vip) -> Option<Service> {
                // SAFETY: 16 bytes, copied out at once; userspace replaces the entry whole when it changes it.
                unsafe { $services.get(vip) }.copied()
            }

            #[inline(always)]
            fn vip(&self, address: &$address) -> Option<u32> {
                // SAFETY: one word, copied out at once.
                unsafe { $vips.get(address) }.copied()
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

            #[inline(always)]
            fn fragment(&self, fragment: &$fragment) -> Option<FragmentEntry> {
                // SAFETY: copied out at once; who writes an entry replaces it whole.
                unsafe { $fragments.get(fragment) }.copied()
            }

            #[inline(always)]
            fn remember_fragment(&self, fragment: &$fragment, entry: &FragmentEntry) -> bool {
                $fragments.insert(fragment, entry, BPF_ANY.into()).is_ok()
            }

            #[inline(always)]
            fn source_rule(&self, service: u32, client: &$address, unnamed: u32) -> u32 {
                let mut data = [0; $source];
                data[..4].copy_from_slice(&service.to_be_bytes());
                data[4..].copy_from_slice(client);
                $sources
                    .get(&Key::new(SERVICE_BITS + 8 * ($source - 4), data))
                    .map_or(unnamed, |verdict| *verdict)
            }

            #[inline(always)]
            fn reply(&self, member: &$vip) -> Option<$vip> {
                // SAFETY: copied out at once; userspace replaces the entry whole.
                unsafe { $replies.get(member) }.copied()
            }

            #[inline(always)]
            fn nat<R>(&self, flow: &$flow, read: impl FnOnce(&$nat_entry) -> R) -> Option<R> {
                // SAFETY: integers and byte arrays, read as they stand. Another CPU may write words of it (time, state)
                // and where replies leave, of which a torn copy sends one packet astray; or it may remove it and make
                // it another flow's, so who reads a key from it checks what the key leads to.
                unsafe { $nat.get(flow) }.map(read)
            }

            #[inline(always)]
            fn nat_add(&self, flow: &$flow, entry: &$nat_entry) -> Added {
                match $nat.insert(flow, entry, BPF_NOEXIST.into()) {
                    Ok(()) => Added::Done,
                    Err(EEXIST) => Added::Taken,
                    Err(_) => Added::Full,
                }
            }

            #[inline(always)]
            fn nat_touch(&self, flow: &$flow, seen_ns: u64, saw: u32) -> bool {
                let Some(known) = $nat.get_ptr_mut(flow) else {
                    return false;
                };
                // SAFETY: words that any CPU may read and write at any time; a lost bit is seen again or times out.
                unsafe {
                    (*known).seen_ns = seen_ns;
                    let state = then((*known).state, saw);
                    if state != (*known).state {
                        (*known).state = state;
                    }
                }
                true
            }

            #[inline(always)]
            fn nat_restart(&self, flow: &$flow, seen_ns: u64) -> bool {
                let Some(known) = $nat.get_ptr_mut(flow) else {
                    return false;
                };
                // SAFETY: as in `nat_touch`.
                unsafe {
                    (*known).seen_ns = seen_ns;
                    (*known).state &= REPLY;
                }
                true
            }

            #[inline(always)]
            fn nat_move(&self, flow: &$flow, ifindex: u32, macs: &[u8; 12]) -> bool {
                let Some(known) = $nat.get_ptr_mut(flow) else {
                    return false;
                };
                // SAFETY: plain bytes; see `nat` for who may see half of them.
                unsafe {
                    (*known).ifindex = ifindex;
                    (*known).macs = *macs;
                }
                true
            }

            #[inline(always)]
            fn nat_remove(&self, flow: &$flow) {
                // It may be gone already.
                let _ = $nat.remove(flow);
            }

            #[inline(always)]
            fn way(&self, question: &Question<$family>) -> Way {
                $way(&XdpContext::new(self.ctx), question)
            }
        }
    };
}

family!(
    V4,
    [u8; 4],
    Vip4,
    Flow4,
    Fragment4,
    NatEntry4,
    SERVICES_V4,
    VIPS_V4,
    FLOWS_V4,
    FRAGMENTS_V4,
    SOURCES_V4,
    REPLIES_V4,
    NAT_V4,
    way::v4,
    8
);
family!(
    V6,
    [u8; 16],
    Vip6,
    Flow6,
    Fragment6,
    NatEntry6,
    SERVICES_V6,
    VIPS_V6,
    FLOWS_V6,
    FRAGMENTS_V6,
    SOURCES_V6,
    REPLIES_V6,
    NAT_V6,
    way::v6,
    20
);
