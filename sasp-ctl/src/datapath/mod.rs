//! The kernel half: loads the XDP program, attaches and pins it, writes its maps, reads its counters. The only module
//! that touches aya and netlink.
//!
//! It carries out what `balance` decides and decides nothing itself. Calls block: the daemon gives it a thread.
//! Pinned maps and links are the only durable state; a [`Datapath`] may vanish at any moment, and the next
//! [`Datapath::attach`] goes on with what it finds.
//!
//! # Layout
//! * [`options`]: what to attach, and where. [`error`]: why it could not be.
//! * `attach`, `detach`: the whole way on and off. `preflight`: what must be true before.
//! * `bpffs`, `pins`, `lock`: where state lives, and who may touch it.
//! * `object`, `layout`, `undisturbed`: the program and its maps. `links`, `netlink`: interfaces and who runs on them.
//!   `upkeep`: what becomes of them. `modes`: they all run alike.
//! * `maps`, `tables`, `lookups`, `map`, `sys`: the maps, down to bpf(2).
//! * `apply`, [`counters`], `flows`, `translations`, `run`, `packet_log`: what a running data plane can be asked.
//! * [`nexthop`]: members' MAC addresses, watched over netlink.

mod apply;
mod attach;
mod bpffs;
pub mod counters;
mod detach;
pub mod error;
mod flows;
mod layout;
mod links;
mod lock;
mod lookups;
mod map;
mod maps;
mod modes;
mod netlink;
pub mod nexthop;
mod object;
pub mod options;
mod packet_log;
mod pins;
mod preflight;
mod run;
mod sys;
mod tables;
mod translations;
mod undisturbed;
mod upkeep;

use std::fmt;
use std::fs::File;
use std::io;
use std::time::Duration;

use sasp_xdp_common::abi::counters::Reason;
use sasp_xdp_common::abi::flow::FlowEntry;

use crate::balance::change::{Adopted, Change, FlowKey};
use crate::balance::translations::{Judge, Stale, Translation};
pub use counters::Counters;
pub use detach::{Pinned, detach, instances, owner};
pub use error::{Error, Halted};
pub use layout::memory::{Memory, memory, possible_cpus};
pub(crate) use lock::Lock;
pub use options::{Instance, Mode, Options, PacketLog, Places, RunsIn, Sizes};
pub use run::Ran;
pub use translations::Walk;
pub use undisturbed::load;

use object::Object;
use pins::Pins;

/// An interface that the program was attached to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// Its index.
    pub ifindex: u32,
    /// How the program runs there.
    pub mode: RunsIn,
    /// It takes frames in several buffers there, as jumbo frames come.
    pub frags: bool,
    /// Whether it still does.
    pub state: State,
}

/// What has become of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// The program runs there.
    Running,
    /// There is no such interface any more.
    Gone,
    /// The interface is there, without our program.
    Bare,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "attached",
            Self::Gone => "gone",
            Self::Bare => "not attached",
        })
    }
}

/// A running data plane. Dropping it leaves the packets flowing and the maps pinned.
#[derive(Debug)]
pub struct Datapath {
    object: Object,
    maps: maps::Maps,
    interfaces: Vec<Attached>,
    mode: Mode,
    /// Whether interfaces have changed since they were found to run alike.
    unaligned: bool,
    sizes: Sizes,
    seed: u64,
    adopted: Adopted,
    packet_log: PacketLog,
    instance: Instance,
    /// The bpffs: a path to it may lead through a process that we may not look at any more.
    bpffs: File,
    lock: lock::Lock,
}

impl Datapath {
    /// Attaches a new data plane, or adopts the one that is pinned under this instance's name: same maps, new
    /// program, no packet lost. Map sizes, hash seed and the mode of an interface that is attached already stay as
    /// they were, with a warning, but for modes that lose packets between interfaces (see `modes`); [`Self::sizes`],
    /// [`Self::seed`] and [`Self::interfaces`] tell.
    pub fn attach(options: &Options) -> Result<Self, Error> {
        attach::attach(options)
    }

    /// The interfaces that it was attached to, as they were when last looked at.
    pub fn interfaces(&self) -> &[Attached] {
        &self.interfaces
    }

    /// Looks at the interfaces again. One that has vanished is attached to anew as soon as another has its name; what
    /// changed, or why that failed, is logged. Their MTUs reach the packet path.
    pub fn look_after_interfaces(&mut self) -> Result<&[Attached], Error> {
        upkeep::look_after(self)?;
        Ok(&self.interfaces)
    }

    /// The sizes in effect.
    pub fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// The seed in effect.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What the maps held when it was attached; all empty unless adopted. The second call finds nothing.
    pub fn take_adopted(&mut self) -> Adopted {
        std::mem::take(&mut self.adopted)
    }

    /// Makes the changes, in the order given, and says how long that took.
    pub fn apply(&mut self, changes: &[Change]) -> Result<Duration, Halted> {
        apply::apply(&mut self.maps, changes)
    }

    /// Reads every counter.
    pub fn counters(&self) -> Result<Counters, Error> {
        Counters::read(&self.maps)
    }

    /// How often a reason was counted.
    pub fn counted(&self, reason: Reason) -> Result<u64, Error> {
        counters::counted(&self.maps, reason)
    }

    /// Reads the remembered flows of both families. Looking does not make a flow more recently used.
    pub fn flows(&self) -> Result<Vec<(FlowKey, FlowEntry)>, Error> {
        flows::read(&self.maps)
    }

    /// Forgets flows that have not spoken since `seen_ns`; says how many were forgotten.
    pub fn delete_flows(&mut self, flows: &[(FlowKey, u64)]) -> Result<usize, Error> {
        flows::delete(&mut self.maps, flows)
    }

    /// Reads the next few thousand translations on a walk through those of both families; those that `judge` suspects
    /// with their other way.
    pub fn translations(
        &self,
        walk: &mut Walk,
        judge: &Judge,
    ) -> Result<Vec<(Translation, Option<Translation>)>, Error> {
        translations::next(&self.maps, walk, judge)
    }

    /// Removes translations that are as they were read; says how many flows and lone entries that were.
    pub fn delete_translations(&mut self, stale: &[Stale], now_ns: u64) -> Result<usize, Error> {
        translations::delete(&mut self.maps, stale, now_ns)
    }

    /// Runs the program once on a frame, as if it had come in on interface `ingress`, without sending it anywhere.
    /// Counters count it and flows are remembered all the same. A frame has 14 bytes at least.
    pub fn run(&self, ingress: u32, frame: &[u8]) -> Result<Ran, Error> {
        run::run(&self.object, ingress, frame)
    }

    /// Takes the data plane off, as [`detach()`] does, but without looking for it: a daemon that has given up
    /// capabilities would not find it.
    pub fn detach(self) -> Result<(), Error> {
        Pins::new(&bpffs::path_of(&self.bpffs), &self.instance).remove()?;
        drop(self.lock);
        Ok(())
    }

    /// What the program says about packets: a task, to be spawned on tokio, that passes it to the log until it is
    /// dropped. `None` if the packet log is off, and on the second call.
    pub fn take_packet_log(
        &mut self,
    ) -> Result<Option<impl Future<Output = io::Result<()>> + Send + use<>>, Error> {
        match std::mem::take(&mut self.packet_log) {
            PacketLog::Off => Ok(None),
            _ => packet_log::drain(&mut self.object.ebpf).map(Some),
        }
    }
}
