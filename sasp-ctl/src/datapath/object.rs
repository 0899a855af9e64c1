//! The embedded BPF object: made into maps, and loaded as a program upon maps.

use std::path::Path;

use aya::maps::Array;
use aya::programs::Xdp;
use aya::{Ebpf, EbpfError, EbpfLoader};
use sasp_xdp_common::abi::names;

use super::error::{Error, chain, verdict};
use super::layout;
use super::options::{PacketLog, Sizes};

static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/sasp-xdp"));

/// aya-log's ring buffer, which exists even if nothing is logged; then it is as small as the kernel makes one.
const LOG_RING: &str = "AYA_LOGS";

/// Refuses to go on with a binary that was built without the object.
pub(super) fn check() -> Result<(), Error> {
    if OBJECT.is_empty() {
        Err(Error::NoObject)
    } else {
        Ok(())
    }
}

/// Creates the maps, and pins them in `directory`.
pub(super) fn create_maps(directory: &Path, sizes: &Sizes, seed: u64) -> Result<(), Error> {
    let mut loader = EbpfLoader::new();
    loader.map_max_entries(LOG_RING, 1);
    for (name, entries) in layout::max_entries(sizes) {
        loader.map_max_entries(name, entries);
    }
    let object = load(&mut loader)?;
    for layout in &layout::MAPS {
        let map = object.map(layout.name).ok_or_else(|| absent(layout.name))?;
        let path = directory.join(layout.name);
        map.pin(&path).map_err(Error::pin(&path))?;
    }
    let mut seeds = Array::create(1, 0).map_err(Error::map("create the map of the seed"))?;
    seeds
        .set(0, seed, 0)
        .map_err(Error::map("store the seed"))?;
    let path = directory.join(names::SEED);
    seeds.pin(&path).map_err(Error::pin(&path))
}

/// Loads the program upon the maps that are pinned in `directory`.
pub(super) fn load_program(directory: &Path, seed: u64, log: PacketLog) -> Result<Ebpf, Error> {
    let level = log as u8;
    let mut loader = EbpfLoader::new();
    loader.override_global(names::SEED, &seed, true);
    loader.override_global(aya_log::LEVEL, &level, false);
    if log == PacketLog::Off {
        loader.map_max_entries(LOG_RING, 1);
    }
    for layout in &layout::MAPS {
        loader.map_pin_path(layout.name, directory.join(layout.name));
    }
    let mut object = load(&mut loader)?;
    let loaded = program(&mut object)?.load();
    loaded.map_err(|error| Error::Load(verdict(&error)))?;
    Ok(object)
}

/// The XDP program of a loaded object.
pub(super) fn program(object: &mut Ebpf) -> Result<&mut Xdp, Error> {
    object
        .program_mut(names::PROGRAM)
        .ok_or_else(|| absent(names::PROGRAM))?
        .try_into()
        .map_err(|error| Error::Load(chain(&error)))
}

fn load(loader: &mut EbpfLoader<'_>) -> Result<Ebpf, Error> {
    loader
        .load(OBJECT)
        .map_err(|error: EbpfError| Error::Load(chain(&error)))
}

fn absent(name: &str) -> Error {
    Error::Load(format!(
        "{name} is not in the object: the build mixed two versions"
    ))
}
