//! The embedded BPF object: made into maps, and loaded as programs upon maps.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use aya::maps::Array;
use aya::programs::Xdp;
use aya::{Ebpf, EbpfError, EbpfLoader};
use sasp_xdp_common::abi::names;

use super::error::{Error, chain, verdict};
use super::layout;
use super::options::{PacketLog, Sizes};
use super::undisturbed::{self, Waiting};

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

/// Creates the maps, and pins them in `directory`. Without a `seed` a random one is drawn.
pub(super) fn create_maps(directory: &Path, sizes: &Sizes, seed: Option<u64>) -> Result<(), Error> {
    let seed = seed.map_or_else(random, Ok)?;
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

fn random() -> Result<u64, Error> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; 8];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(Error::file("read", path))?;
    Ok(u64::from_ne_bytes(bytes))
}

/// The two forms of the program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// Takes frames in several buffers: jumbo frames, where kernel (5.18) and driver have them.
    Frags,
    /// For all others.
    Plain,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Frags => names::PROGRAM_FRAGS,
            Self::Plain => names::PROGRAM,
        }
    }
}

/// The object upon the pinned maps, with the program in the forms that were needed so far.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) ebpf: Ebpf,
    /// The first form is the better one.
    forms: &'static [Form],
}

impl Object {
    /// Loads the program upon the maps that are pinned in `directory`, in the best form that the kernel takes.
    pub(super) fn load(directory: &Path, seed: u64, log: PacketLog) -> Result<Self, Error> {
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
        let mut object = Self {
            ebpf: load(&mut loader)?,
            forms: &[Form::Frags, Form::Plain],
        };
        if let Err(error) = object.program(Form::Frags) {
            tracing::debug!("frames in several buffers are not for this kernel: {error}");
            object.forms = &[Form::Plain];
            object.program(Form::Plain)?;
        }
        Ok(object)
    }

    /// The forms that the kernel takes, the better first.
    pub(super) fn forms(&self) -> &'static [Form] {
        self.forms
    }

    /// The program in one of its forms.
    pub(super) fn program(&mut self, form: Form) -> Result<&mut Xdp, Error> {
        let program: &mut Xdp = self
            .ebpf
            .program_mut(form.name())
            .ok_or_else(|| absent(form.name()))?
            .try_into()
            .map_err(|error| Error::Load(chain(&error)))?;
        if program.fd().is_err() {
            undisturbed::load(program).map_err(|error| Error::Load(verdict(&error)))?;
        }
        Ok(program)
    }

    /// The program in its best form.
    pub(super) fn best(&self) -> Option<&Xdp> {
        let form = self.forms.first()?;
        self.ebpf.program(form.name())?.try_into().ok()
    }

    /// Whether a program of that id, as the kernel shows it on interfaces, is this one in any form.
    pub(super) fn is_ours(&self, id: u32) -> bool {
        let id_of = |form: &Form| {
            let program: &Xdp = self.ebpf.program(form.name())?.try_into().ok()?;
            program.info().ok().map(|info| info.id())
        };
        self.forms.iter().any(|form| id_of(form) == Some(id))
    }
}

/// aya finds out what the kernel can do by loading small programs, once: a disturbed one would say that it cannot.
fn load(loader: &mut EbpfLoader<'_>) -> Result<Ebpf, Error> {
    let _waiting = Waiting::signals();
    loader
        .load(OBJECT)
        .map_err(|error: EbpfError| Error::Load(chain(&error)))
}

fn absent(name: &str) -> Error {
    Error::Load(format!(
        "{name} is not in the object: the build mixed two versions"
    ))
}
