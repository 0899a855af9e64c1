//! The kernel half: loads the XDP program, attaches and pins it, writes its maps, reads its counters. The only module
//! that touches aya and netlink.
//!
//! It carries out what `balance` decides and decides nothing itself. Calls block: the daemon gives it a thread.
//! Pinned maps and links are the only durable state; a [`Datapath`] may vanish at any moment, and the next
//! [`Datapath::attach`] goes on with what it finds.
//!
//! # Layout
//! * [`options`]: what to attach, and where. [`error`]: why it could not be.
//! * [`counters`]: traffic and reasons, summed over CPUs.
//! * [`nexthop`]: members' MAC addresses, watched over netlink.

pub mod counters;
pub mod error;
pub mod nexthop;
pub mod options;

use std::time::Duration;

use sasp_xdp_common::abi::flow::FlowEntry;

use crate::balance::change::{Adopted, Change, FlowKey};
pub use counters::Counters;
pub use error::Error;
pub use options::{Instance, Mode, Options, PacketLog, Places, RunsIn, Sizes};

/// An interface that the program runs on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attached {
    /// Its name.
    pub name: String,
    /// Its index.
    pub ifindex: u32,
    /// How the program runs there.
    pub mode: RunsIn,
}

/// A running data plane. Dropping it leaves the packets flowing and the maps pinned.
#[derive(Debug)]
pub struct Datapath {}

impl Datapath {
    /// Attaches a new data plane, or adopts the one that is pinned under this instance's name: same maps, new
    /// program, no packet lost.
    pub fn attach(options: &Options) -> Result<Self, Error> {
        let _ = options;
        Err(Error::NoObject)
    }

    /// The interfaces that it runs on.
    pub fn interfaces(&self) -> &[Attached] {
        &[]
    }

    /// The sizes in effect: adopted maps keep theirs.
    pub fn sizes(&self) -> Sizes {
        Sizes::default()
    }

    /// The seed in effect: adopted maps keep theirs.
    pub fn seed(&self) -> u64 {
        0
    }

    /// What the maps held when it was attached; all empty unless adopted. The second call finds nothing.
    pub fn take_adopted(&mut self) -> Adopted {
        Adopted::default()
    }

    /// Makes the changes, in the order given, and says how long that took.
    pub fn apply(&mut self, changes: &[Change]) -> Result<Duration, Error> {
        let _ = changes;
        Err(Error::NoObject)
    }

    /// Reads every counter.
    pub fn counters(&self) -> Result<Counters, Error> {
        Err(Error::NoObject)
    }

    /// Reads the remembered flows of both families. Looking does not make a flow more recently used.
    pub fn flows(&self) -> Result<Vec<(FlowKey, FlowEntry)>, Error> {
        Err(Error::NoObject)
    }

    /// Forgets flows that have not spoken since `seen_ns`; says how many were forgotten.
    pub fn delete_flows(&mut self, flows: &[(FlowKey, u64)]) -> Result<usize, Error> {
        let _ = flows;
        Err(Error::NoObject)
    }

    /// Runs the program once on a frame, without sending it: what would become of it. Counters count it and flows
    /// are remembered as if it had come in.
    pub fn run(&self, frame: &[u8]) -> Result<Ran, Error> {
        let _ = frame;
        Err(Error::NoObject)
    }
}

/// What the program made of a frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ran {
    /// The XDP action, as the kernel numbers them.
    pub action: u32,
    /// The frame as the program left it.
    pub frame: Vec<u8>,
}

/// Takes the data plane of an instance off: links, maps, directories and lock, whatever state they are in and
/// whichever version made them. True if there was anything.
pub fn detach(instance: &Instance, places: &Places) -> Result<bool, Error> {
    let _ = (instance, places);
    Err(Error::NoObject)
}

/// The instances that have anything pinned.
pub fn instances(places: &Places) -> Result<Vec<Pinned>, Error> {
    let _ = places;
    Err(Error::NoObject)
}

/// What is pinned for an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pinned {
    /// The instance.
    pub instance: Instance,
    /// Names of the interfaces that have a link pinned.
    pub interfaces: Vec<String>,
    /// The process that runs it, if any.
    pub pid: Option<u32>,
}
