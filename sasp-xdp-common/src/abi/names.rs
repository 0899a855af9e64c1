//! Names of maps and of the program, at most 15 bytes so that the kernel shows them whole.

/// The XDP program.
pub const PROGRAM: &str = "sasp_xdp";
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
/// Global: the hash seed, a `u64`.
pub const SEED: &str = "SEED";
