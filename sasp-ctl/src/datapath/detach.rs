//! Taking a data plane off, and finding out which there are. Needs no daemon.

use super::bpffs;
use super::error::Error;
use super::lock::{self, Lock};
use super::options::{Instance, Places};
use super::pins::{self, Pins};

/// Takes the data plane of an instance off: links, maps, directories and lock, whatever state they are in and
/// whichever version made them. True if there was anything. Refuses while a daemon runs the instance.
pub fn detach(instance: &Instance, places: &Places) -> Result<bool, Error> {
    let lock = Lock::take(&places.run, instance)?;
    let found = match bpffs::find(places.bpffs.as_deref())? {
        Some(bpffs) => Pins::new(&bpffs, instance).remove()?,
        None => false,
    };
    lock.remove()?;
    Ok(found)
}

/// What is pinned for an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pinned {
    /// The instance.
    pub instance: Instance,
    /// Names of the interfaces that have a link pinned, as they were when attached.
    pub interfaces: Vec<String>,
    /// The process that runs it, if any.
    pub pid: Option<u32>,
}

/// The instances that have anything pinned, by name.
pub fn instances(places: &Places) -> Result<Vec<Pinned>, Error> {
    let Some(bpffs) = bpffs::find(places.bpffs.as_deref())? else {
        return Ok(Vec::new());
    };
    pins::instances(&bpffs)?
        .into_iter()
        .map(|(instance, interfaces)| {
            let pid = lock::holder(&places.run, &instance)?;
            Ok(Pinned {
                instance,
                interfaces,
                pid,
            })
        })
        .collect()
}
