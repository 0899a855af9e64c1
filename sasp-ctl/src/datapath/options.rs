//! What a [`super::Datapath`] is asked to be.

use std::fmt;
use std::path::PathBuf;

use sasp_xdp_common::abi::limits;

use super::error::Error;

/// Everything that [`super::Datapath::attach`] needs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which balancer of this host.
    pub instance: Instance,
    /// Interfaces whose packets are balanced, at least one.
    pub interfaces: Vec<String>,
    /// How the program runs on them.
    pub mode: Mode,
    /// Map sizes, used when the maps are created; adopted maps keep theirs.
    pub sizes: Sizes,
    /// Seed of the flow hash, used when the maps are created; adopted maps keep theirs, or every flow would move. `None`:
    /// a random one.
    pub seed: Option<u64>,
    /// What the program logs about packets.
    pub packet_log: PacketLog,
    /// Where state lives.
    pub places: Places,
}

/// Name of a balancer, unique on its host: names the pin directory and the lock.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Instance(String);

impl Instance {
    /// Longest name, in bytes: it must fit into a file name even when every byte is escaped.
    pub const MAX: usize = 64;

    /// A name of 1 to [`Self::MAX`] printable ASCII characters without `/`.
    pub fn new(name: &str) -> Result<Self, Error> {
        let printable = name
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'/');
        if name.is_empty() || name.len() > Self::MAX || !printable || name == "." || name == ".." {
            return Err(Error::BadInstance {
                name: name.escape_debug().to_string(),
            });
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the program is to run on an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// In the driver or, with a warning, all of them in the network stack if one driver cannot, or one is a veth.
    #[default]
    Auto,
    /// In the driver or not at all.
    Native,
    /// In the network stack: works everywhere, slower.
    Generic,
}

/// How the program does run on an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunsIn {
    /// In the driver.
    Native,
    /// In the network stack.
    Generic,
}

impl fmt::Display for RunsIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Generic => "generic",
        })
    }
}

/// How much fits into the maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// Services, and their ids below it.
    pub services: u32,
    /// Backends of all services, index 0 included; at most [`limits::BACKENDS_MAX`].
    pub backends: u32,
    /// Remembered flows per address family.
    pub flows: u32,
    /// Translations of `full-nat` per address family, two for each flow.
    pub translations: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            services: limits::SERVICES as u32,
            backends: limits::BACKENDS as u32,
            flows: limits::FLOWS as u32,
            translations: limits::TRANSLATIONS as u32,
        }
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            services,
            backends,
            flows,
            translations,
        } = self;
        write!(
            f,
            "{services} services, {backends} backends, {flows} flows, {translations} translations"
        )
    }
}

/// From which severity on the program reports packets. Costs time per packet: for trouble-shooting.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
#[repr(u8)]
pub enum PacketLog {
    /// The statements are cut out of the program when it is loaded.
    #[default]
    Off = 0,
    /// Errors.
    Error = 1,
    /// And warnings.
    Warn = 2,
    /// And what is worth knowing.
    Info = 3,
    /// And details.
    Debug = 4,
    /// And everything else.
    Trace = 5,
}

/// Where state lives. The defaults are right but for tests.
#[derive(Clone, Debug)]
pub struct Places {
    /// A directory on a bpffs under which `sasp-ctl/<instance>` is made; found, or mounted, unless given.
    pub bpffs: Option<PathBuf>,
    /// Directory of the lock files.
    pub run: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            bpffs: None,
            run: PathBuf::from("/run/sasp-ctl"),
        }
    }
}
