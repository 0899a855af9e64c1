//! The maps that are pinned, what each must look like, and the check before one is adopted: aya takes whatever is
//! pinned under the right name.

pub(super) mod memory;

use std::path::Path;

use aya::maps::{MapInfo, MapType};
use sasp_xdp_common::abi::backend::Backend;
use sasp_xdp_common::abi::counters::{REASONS, Traffic};
use sasp_xdp_common::abi::flow::{Flow4, Flow6, FlowEntry};
use sasp_xdp_common::abi::fragment::{Fragment4, Fragment6, FragmentEntry};
use sasp_xdp_common::abi::limits::{BACKENDS_MAX, FRAGMENTS, INTERFACES, SOURCE_RULES};
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::nat::{NatEntry4, NatEntry6};
use sasp_xdp_common::abi::quic::ServerId;
use sasp_xdp_common::abi::service::{Service, Vip4, Vip6};
use sasp_xdp_common::abi::settings::{Bucket, LIMITERS, Settings};
use sasp_xdp_common::abi::source::{Source4, Source6};

use super::error::{Error, chain};
use super::options::Sizes;

/// How many entries a map has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entries {
    /// [`Sizes::services`].
    Services,
    /// [`Sizes::backends`].
    Backends,
    /// [`Sizes::flows`].
    Flows,
    /// [`Sizes::translations`].
    Translations,
    /// This many, always.
    Fixed(u32),
}

impl Entries {
    fn of(self, sizes: &Sizes) -> u32 {
        match self {
            Self::Services => sizes.services,
            Self::Backends => sizes.backends,
            Self::Flows => sizes.flows,
            Self::Translations => sizes.translations,
            Self::Fixed(entries) => entries,
        }
    }
}

/// A pinned map.
#[derive(Debug)]
pub(super) struct Layout {
    /// Its name, in the object and on the bpffs.
    pub(super) name: &'static str,
    kind: MapType,
    key: usize,
    value: usize,
    entries: Entries,
    flags: u32,
}

/// `BPF_F_NO_PREALLOC`: memory is taken entry by entry.
const NO_PREALLOC: u32 = 1;

const fn growing<K, V>(name: &'static str, kind: MapType, entries: Entries) -> Layout {
    Layout {
        flags: NO_PREALLOC,
        ..map::<K, V>(name, kind, entries)
    }
}

const fn map<K, V>(name: &'static str, kind: MapType, entries: Entries) -> Layout {
    Layout {
        name,
        kind,
        key: size_of::<K>(),
        value: size_of::<V>(),
        entries,
        flags: 0,
    }
}

/// All maps of the object that are pinned. The others, for globals and logs, are the program's own.
pub(super) const MAPS: [Layout; 23] = [
    map::<Vip4, Service>(names::SERVICES_V4, MapType::Hash, Entries::Services),
    map::<Vip6, Service>(names::SERVICES_V6, MapType::Hash, Entries::Services),
    map::<u32, u32>(names::TABLES, MapType::ArrayOfMaps, Entries::Services),
    map::<u32, Backend>(names::BACKENDS, MapType::Array, Entries::Backends),
    map::<Flow4, FlowEntry>(names::FLOWS_V4, MapType::LruHash, Entries::Flows),
    map::<Flow6, FlowEntry>(names::FLOWS_V6, MapType::LruHash, Entries::Flows),
    map::<u32, Traffic>(names::TRAFFIC, MapType::PerCpuArray, Entries::Backends),
    map::<u32, u64>(
        names::REASONS,
        MapType::PerCpuArray,
        Entries::Fixed(REASONS as u32),
    ),
    map::<u32, Traffic>(names::RETIRED, MapType::Array, Entries::Services),
    map::<u32, Settings>(names::SETTINGS, MapType::Array, Entries::Fixed(1)),
    map::<u32, Bucket>(
        names::LIMITERS,
        MapType::Array,
        Entries::Fixed(LIMITERS as u32),
    ),
    map::<u32, u32>(
        names::MTUS,
        MapType::Hash,
        Entries::Fixed(INTERFACES as u32),
    ),
    map::<[u8; 4], u32>(names::VIPS_V4, MapType::Hash, Entries::Services),
    map::<[u8; 16], u32>(names::VIPS_V6, MapType::Hash, Entries::Services),
    map::<Vip4, Vip4>(names::REPLIES_V4, MapType::Hash, Entries::Backends),
    map::<Vip6, Vip6>(names::REPLIES_V6, MapType::Hash, Entries::Backends),
    map::<ServerId, u32>(names::QUIC_IDS, MapType::Hash, Entries::Backends),
    growing::<Flow4, NatEntry4>(names::NAT_V4, MapType::Hash, Entries::Translations),
    growing::<Flow6, NatEntry6>(names::NAT_V6, MapType::Hash, Entries::Translations),
    map::<Fragment4, FragmentEntry>(
        names::FRAGMENTS_V4,
        MapType::LruHash,
        Entries::Fixed(FRAGMENTS as u32),
    ),
    map::<Fragment6, FragmentEntry>(
        names::FRAGMENTS_V6,
        MapType::LruHash,
        Entries::Fixed(FRAGMENTS as u32),
    ),
    growing::<Source4, u32>(
        names::SOURCES_V4,
        MapType::LpmTrie,
        Entries::Fixed(SOURCE_RULES as u32),
    ),
    growing::<Source6, u32>(
        names::SOURCES_V6,
        MapType::LpmTrie,
        Entries::Fixed(SOURCE_RULES as u32),
    ),
];

/// The seed's own map, which only userspace reads: with another seed every flow would hash elsewhere.
pub(super) const SEED: Layout = map::<u32, u64>(names::SEED, MapType::Array, Entries::Fixed(1));

/// Entries to create each map of the object with.
pub(super) fn max_entries(sizes: &Sizes) -> impl Iterator<Item = (&'static str, u32)> {
    MAPS.iter()
        .map(|layout| (layout.name, layout.entries.of(sizes)))
}

/// Refuses sizes that cannot be.
pub(super) fn check_sizes(sizes: &Sizes) -> Result<(), Error> {
    // 2^16 tables are 16 GiB, and 2^24 flows 2 GiB: limits of sense, not of the kernel.
    let limits = [
        ("services", sizes.services, 1 << 16),
        ("backends", sizes.backends, BACKENDS_MAX as u32),
        ("flows", sizes.flows, 1 << 24),
        ("translations", sizes.translations, 1 << 24),
    ];
    match limits
        .into_iter()
        .find(|(_, given, max)| !(1..=*max).contains(given))
    {
        Some((what, given, max)) => Err(Error::BadSize { what, given, max }),
        None => Ok(()),
    }
}

/// Checks the maps pinned in `directory` and gives the sizes that they have.
pub(super) fn check_pinned(directory: &Path) -> Result<Sizes, Error> {
    let mut sizes = Sizes::default();
    for layout in &MAPS {
        let entries = pinned_info(directory, layout)?.max_entries();
        match layout.entries {
            Entries::Services => sizes.services = entries,
            Entries::Backends => sizes.backends = entries,
            Entries::Flows => sizes.flows = entries,
            Entries::Translations => sizes.translations = entries,
            Entries::Fixed(_) => {}
        }
    }
    // Maps that ought to be of one size and are not show here.
    for layout in MAPS.iter().chain([&SEED]) {
        layout.check(&pinned_info(directory, layout)?, &sizes)?;
    }
    Ok(sizes)
}

fn pinned_info(directory: &Path, layout: &Layout) -> Result<MapInfo, Error> {
    MapInfo::from_pin(directory.join(layout.name)).map_err(|error| Error::BadPin {
        name: layout.name.to_owned(),
        why: chain(&error),
    })
}

impl Layout {
    fn check(&self, info: &MapInfo, sizes: &Sizes) -> Result<(), Error> {
        let kind = info.map_type().map_err(|error| Error::BadPin {
            name: self.name.to_owned(),
            why: chain(&error),
        })?;
        let checks = [
            ("type", self.kind as u32, kind as u32),
            ("key size", self.key as u32, info.key_size()),
            ("value size", self.value as u32, info.value_size()),
            (
                "number of entries",
                self.entries.of(sizes),
                info.max_entries(),
            ),
            ("flags", self.flags, info.map_flags()),
        ];
        match checks
            .into_iter()
            .find(|(_, wanted, found)| wanted != found)
        {
            Some((what, wanted, found)) => Err(Error::BadPin {
                name: self.name.to_owned(),
                why: format!("{what} is {found}, not {wanted}"),
            }),
            None => Ok(()),
        }
    }
}
