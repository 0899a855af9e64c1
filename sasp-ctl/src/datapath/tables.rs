//! Services' tables: each a map of its own, built aside and swapped into the map of maps.
//!
//! The tables are pinned too, since the kernel opens a map by its id only for CAP_SYS_ADMIN, and the next daemon may
//! not have that. `table_<id>_next` is pinned before the swap and renamed to `table_<id>` after it; whoever is killed
//! in between leaves two pins, of which the one counts that the map of maps holds.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use aya::maps::{Array, MapInfo};
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::slot::{Slot, Table};

use super::error::Error;
use super::map::Map;
use super::sys::{BatchAttr, Command, ENOTSUPP, bpf};

/// The map of maps.
#[derive(Debug)]
pub(super) struct Tables {
    /// Service ids to map ids when read, to file descriptors when written.
    outer: Map<u32, u32>,
    directory: PathBuf,
    /// Keeps `directory`, which names it, valid.
    _open: File,
}

impl Tables {
    /// Those pinned in `directory`.
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        let open = File::open(directory).map_err(Error::file("open", directory))?;
        Ok(Self {
            outer: Map::open(directory, names::TABLES)?,
            // The way through /proc/1/root is barred once capabilities have been dropped; this one is not.
            directory: PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd())),
            _open: open,
        })
    }

    /// How many services can have a table.
    pub(super) fn entries(&self) -> u32 {
        self.outer.entries()
    }

    /// Publishes tables of different services. A packet sees each old or new, never in between, and the new one as
    /// soon as it is swapped in; what takes the call its milliseconds is that it waits until no packet is under way
    /// with an old one.
    pub(super) fn publish(&mut self, tables: &[(u32, &Table)]) -> Result<(), Error> {
        let mut built = Vec::with_capacity(tables.len());
        for &(service, table) in tables {
            built.push((service, self.build(service, table)?));
        }
        self.swap_in(&built)
            .map_err(Error::map_call("publish tables"))?;
        for &(service, _) in tables {
            let next = self.next(service);
            fs::rename(&next, self.pin(service)).map_err(Error::file("rename", &next))?;
        }
        Ok(())
    }

    fn build(&self, service: u32, table: &Table) -> Result<Map<u32, Slot>, Error> {
        let next = self.next(service);
        let mut array: Array<_, Table> =
            Array::create(1, 0).map_err(Error::map("create a table"))?;
        array
            .set(0, table, 0)
            .map_err(Error::map("write a table"))?;
        remove_if_there(&next)?;
        array.pin(&next).map_err(Error::pin(&next))?;
        Map::open(&self.directory, &next_name(service))
    }

    /// One RCU grace period for all; where the kernel (before 5.19) has no batches of maps, one each.
    fn swap_in(&mut self, built: &[(u32, Map<u32, Slot>)]) -> io::Result<()> {
        let keys: Vec<u32> = built.iter().map(|(service, _)| *service).collect();
        let values: Vec<u32> = built.iter().map(|(_, table)| table.fd()).collect();
        let mut attr = BatchAttr {
            keys: keys.as_ptr() as u64,
            values: values.as_ptr() as u64,
            count: built.len() as u32,
            map_fd: self.outer.fd(),
            ..BatchAttr::default()
        };
        // SAFETY: the kernel reads `count` keys and file descriptors of 4 bytes each, which the vectors hold.
        match unsafe { bpf(Command::MapUpdateBatch, &mut attr) } {
            Ok(_) => Ok(()),
            Err(error) if error.raw_os_error() == Some(ENOTSUPP) => keys
                .iter()
                .zip(values)
                .try_for_each(|(service, fd)| self.outer.set(service, fd)),
            Err(error) => Err(error),
        }
    }

    /// Removes a service's table, if it has one.
    pub(super) fn remove(&mut self, service: u32) -> Result<(), Error> {
        self.outer
            .delete(&service)
            .map_err(Error::map_call("remove a table"))?;
        remove_if_there(&self.next(service))?;
        remove_if_there(&self.pin(service))
    }

    /// Reads every table, and tidies what an interrupted [`Self::publish`] or [`Self::remove`] has left.
    pub(super) fn adopt(&mut self) -> Result<Vec<(u32, Box<Table>)>, Error> {
        let mut found = Vec::new();
        for service in 0..self.entries() {
            match self
                .outer
                .get(&service)
                .map_err(Error::map_call("look a table up"))?
            {
                Some(id) => found.push((service, self.read(service, id)?)),
                None => {
                    remove_if_there(&self.next(service))?;
                    remove_if_there(&self.pin(service))?;
                }
            }
        }
        Ok(found)
    }

    fn read(&self, service: u32, id: u32) -> Result<Box<Table>, Error> {
        let (pin, next) = (self.pin(service), self.next(service));
        if holds(&next, id) {
            fs::rename(&next, &pin).map_err(Error::file("rename", &next))?;
        }
        remove_if_there(&next)?;
        let bad = |why: &str| Error::BadPin {
            name: pin_name(service),
            why: why.to_owned(),
        };
        if !holds(&pin, id) {
            return Err(bad("it is not the table in use"));
        }
        let table = Map::<u32, Slot>::open(&self.directory, &pin_name(service))?;
        let slots = table.lanes(&0).map_err(Error::map_call("read a table"))?;
        slots
            .and_then(|slots| slots.try_into().ok())
            .ok_or_else(|| bad("it has another number of slots"))
    }

    fn pin(&self, service: u32) -> PathBuf {
        self.directory.join(pin_name(service))
    }

    fn next(&self, service: u32) -> PathBuf {
        self.directory.join(next_name(service))
    }
}

fn pin_name(service: u32) -> String {
    format!("table_{service}")
}

fn next_name(service: u32) -> String {
    format!("table_{service}_next")
}

fn holds(pin: &Path, id: u32) -> bool {
    MapInfo::from_pin(pin).is_ok_and(|info| info.id() == id)
}

fn remove_if_there(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}
