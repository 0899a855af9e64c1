//! Taking a data plane off, and finding out which there are. Needs no daemon.

use std::io;

use super::bpffs;
use super::error::Error;
use super::links;
use super::lock::{self, Lock};
use super::options::{Instance, Places};
use super::pins::{self, Pins};
use super::sys;

/// Takes the data plane of an instance off: links, maps, directories and lock, whatever state they are in and
/// whichever version made them. True if there was anything. Refuses while a daemon runs the instance.
pub fn detach(instance: &Instance, places: &Places) -> Result<bool, Error> {
    let lock = Lock::take(&places.run, instance)?;
    let found = match bpffs::find(places.bpffs.as_deref())? {
        Some(bpffs) => Pins::new(&bpffs, instance).remove()?,
        None => false,
    };
    drop(lock);
    Ok(found)
}

/// The instance whose program runs on an interface of this network namespace, if one does: an interface that was
/// renamed has another name than its pin.
pub fn owner(interface: &str, places: &Places) -> Result<Option<Instance>, Error> {
    let Some(bpffs) = bpffs::find(places.bpffs.as_deref())? else {
        return Ok(None);
    };
    let Ok(interface) = links::find(interface) else {
        return Ok(None);
    };
    Ok(links::owner(&interface, &bpffs)?.map(|(instance, _)| instance))
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// What is pinned for an instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pinned {
    /// The instance.
    pub instance: Instance,
    /// Names of the interfaces that have a link pinned, as they were when attached.
    pub interfaces: Vec<String>,
    /// True if one of them is still there, with our program.
    pub runs: bool,
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
        .map(|(instance, links)| {
            // Whoever may not open a link may still see that it is there.
            let runs = links.iter().any(|link| {
                let ifindex = sys::link_ifindex(&link.path);
                ifindex.map_or_else(|error| is_denied(&error), |ifindex| ifindex.is_some())
            });
            let pid = lock::holder(&places.run, &instance)?;
            Ok(Pinned {
                instance,
                interfaces: links.into_iter().map(|link| link.interface).collect(),
                runs,
                pid,
            })
        })
        .collect()
}
