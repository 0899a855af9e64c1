//! Names of maps and of the program, at most 15 bytes so that the kernel shows them whole.

/// The XDP program.
pub const PROGRAM: &str = "sasp_xdp";
/// The same for drivers and kernels (5.18) that hand over frames in several buffers.
pub const PROGRAM_FRAGS: &str = "sasp_xdp_frags";
/// `HashMap<Vip4, Service>`.
pub const SERVICES_V4: &str = "SERVICES_V4";
/// `HashMap<Vip6, Service>`.
pub const SERVICES_V6: &str = "SERVICES_V6";
/// `ArrayOfMaps<Array<[u32; SLOTS], 1>>`, by [`super::service::Service::id`].
pub const TABLES: &str = "TABLES";
/// `Array<Backend>`; index 0 is nobody.
pub const BACKENDS: &str = "BACKENDS";
/// `LruHashMap<Flow4, FlowEntry>`.
pub const FLOWS_V4: &str = "FLOWS_V4";
/// `LruHashMap<Flow6, FlowEntry>`.
pub const FLOWS_V6: &str = "FLOWS_V6";
/// `PerCpuArray<Traffic>`, by backend index.
pub const TRAFFIC: &str = "TRAFFIC";
/// `PerCpuArray<u64>`, by [`super::counters::Reason`].
pub const REASONS: &str = "REASONS";
/// `Array<Traffic>`, by service id: what its former backends had counted. Only userspace touches it.
pub const RETIRED: &str = "RETIRED";
/// `Array<Settings, 1>`.
pub const SETTINGS: &str = "SETTINGS";
/// `Array<Bucket>`, by [`super::settings::Limiter`].
pub const LIMITERS: &str = "LIMITERS";
/// `HashMap<u32, u32>`: MTUs of the attached interfaces in bytes, by interface index.
pub const MTUS: &str = "MTUS";
/// `HashMap<[u8; 4], u32>`: addresses that are VIPs; the value is [`super::settings::WILDCARD`] or 0.
pub const VIPS_V4: &str = "VIPS_V4";
/// `HashMap<[u8; 16], u32>`, as [`VIPS_V4`].
pub const VIPS_V6: &str = "VIPS_V6";
/// `HashMap<Vip4, Vip4>`: members of `nat` (address, port, protocol) to the VIP whose replies they send.
pub const REPLIES_V4: &str = "REPLIES_V4";
/// `HashMap<Vip6, Vip6>`, as [`REPLIES_V4`].
pub const REPLIES_V6: &str = "REPLIES_V6";
/// `HashMap<Flow4, NatEntry4>`.
pub const NAT_V4: &str = "NAT_V4";
/// `HashMap<Flow6, NatEntry6>`.
pub const NAT_V6: &str = "NAT_V6";
/// `LruHashMap<Fragment4, FragmentEntry>`.
pub const FRAGMENTS_V4: &str = "FRAGMENTS_V4";
/// `LruHashMap<Fragment6, FragmentEntry>`.
pub const FRAGMENTS_V6: &str = "FRAGMENTS_V6";
/// `LpmTrie<Source4, u32>`: the verdict is one of [`super::source`]'s.
pub const SOURCES_V4: &str = "SOURCES_V4";
/// `LpmTrie<Source6, u32>`, as [`SOURCES_V4`].
pub const SOURCES_V6: &str = "SOURCES_V6";
/// `HashMap<ServerId, u32>`: to the index of the backend that has the id.
pub const QUIC_IDS: &str = "QUIC_IDS";
/// `PerCpuArray<[u64; 64], 1>`: what the packet path notes of the packet that it works at; nobody else's business.
pub const WORK: &str = "WORK";
/// Global: the hash seed, a `u64`.
pub const SEED: &str = "SEED";
