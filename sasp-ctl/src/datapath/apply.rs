//! Carries out changes, one after the other.

use std::time::{Duration, Instant};

use sasp_xdp_common::abi::backend::{Backend, Index, USABLE};
use sasp_xdp_common::abi::counters::Traffic;
use sasp_xdp_common::abi::service::Service;
use sasp_xdp_common::abi::slot::Table;

use super::counters::sum;
use super::error::{Error, Halted};
use super::maps::Maps;
use crate::balance::change::{Change, Vip};

/// Makes the changes in their order and says how long that took. Tables that follow each other are published at
/// once, since each publication waits until no packet is under way with an old table.
pub(super) fn apply(maps: &mut Maps, changes: &[Change]) -> Result<Duration, Halted> {
    let start = Instant::now();
    let mut rest = changes;
    while let Some((change, behind)) = rest.split_first() {
        let tables = leading_tables(rest);
        let (result, left) = if tables.is_empty() {
            (maps.make(change), behind)
        } else {
            (maps.publish(&tables), &rest[tables.len()..])
        };
        result.map_err(|why| Halted {
            made: changes.len() - rest.len(),
            why,
        })?;
        rest = left;
    }
    Ok(start.elapsed())
}

/// The tables at the head of the list, up to the first that would be a service's second.
fn leading_tables(changes: &[Change]) -> Vec<(u32, &Table)> {
    let mut tables: Vec<(u32, &Table)> = Vec::new();
    for change in changes {
        match change {
            Change::SetTable { service, table } if tables.iter().all(|(id, _)| id != service) => {
                tables.push((*service, table));
            }
            _ => break,
        }
    }
    tables
}

impl Maps {
    fn make(&mut self, change: &Change) -> Result<(), Error> {
        match change {
            Change::AddLookups(lookups) => self.lookups.add(lookups),
            Change::PruneLookups(lookups) => self.lookups.prune(lookups),
            Change::SetBackend { index, record } => self.set_backend(*index, *record),
            Change::SetTable { service, table } => self.publish(&[(*service, table)]),
            Change::SetService { vip, service } => self.set_service(*vip, *service),
            Change::RemoveService { vip } => self.remove_service(*vip),
            Change::RemoveTable { service } => {
                self.check_service(*service)?;
                self.tables.remove(*service)
            }
            Change::RetireBackend { index, service } => self.retire_backend(*index, *service),
            Change::RetireService { service } => self.set_retired(*service, Traffic::default()),
        }
    }

    fn publish(&mut self, tables: &[(u32, &Table)]) -> Result<(), Error> {
        tables
            .iter()
            .try_for_each(|(service, _)| self.check_service(*service))?;
        self.tables.publish(tables)
    }

    fn set_backend(&mut self, index: Index, record: Backend) -> Result<(), Error> {
        self.check_backend(index)?;
        let doing = || format!("write backend {index}");
        self.backends
            .set(&index.into(), record)
            .map_err(Error::map_call(doing()))
    }

    fn set_service(&mut self, vip: Vip, service: Service) -> Result<(), Error> {
        self.check_service(service.id)?;
        match vip {
            Vip::V4(vip) => self.services_v4.set(&vip, service),
            Vip::V6(vip) => self.services_v6.set(&vip, service),
        }
        .map_err(Error::map_call(format!("write service {}", service.id)))
    }

    fn remove_service(&mut self, vip: Vip) -> Result<(), Error> {
        match vip {
            Vip::V4(vip) => self.services_v4.delete(&vip),
            Vip::V6(vip) => self.services_v6.delete(&vip),
        }
        .map_err(Error::map_call("remove a service"))?;
        Ok(())
    }

    /// The record goes last: whoever is killed before leaves a backend that is retired once more, and none whose
    /// traffic its index's next owner would seem to have had. Of the counters the old ones go first: traffic is lost
    /// rather than counted twice.
    fn retire_backend(&mut self, index: Index, service: u32) -> Result<(), Error> {
        self.check_backend(index)?;
        self.check_service(service)?;
        let key = u32::from(index);
        let failed = |error| Error::map_call(format!("retire backend {index}"))(error);
        let mut record = self.backends.get(&key).map_err(failed)?.unwrap_or_default();
        record.flags &= !USABLE;
        self.backends.set(&key, record).map_err(failed)?;
        let traffic = sum(&self
            .traffic
            .lanes(&key)
            .map_err(failed)?
            .unwrap_or_default());
        self.traffic.set(&key, Traffic::default()).map_err(failed)?;
        let before = self
            .retired
            .get(&service)
            .map_err(failed)?
            .unwrap_or_default();
        self.set_retired(service, sum(&[before, traffic]))?;
        let generation_only = Backend {
            generation: record.generation,
            ..Backend::default()
        };
        self.backends.set(&key, generation_only).map_err(failed)
    }

    pub(super) fn set_retired(&mut self, service: u32, traffic: Traffic) -> Result<(), Error> {
        self.check_service(service)?;
        self.retired
            .set(&service, traffic)
            .map_err(Error::map_call(format!(
                "write the retired traffic of service {service}"
            )))
    }

    fn check_backend(&self, index: Index) -> Result<(), Error> {
        check("backend", index.into(), self.backends.entries())
    }

    fn check_service(&self, id: u32) -> Result<(), Error> {
        check("service", id, self.tables.entries())
    }
}

fn check(what: &'static str, index: u32, size: u32) -> Result<(), Error> {
    if index < size {
        Ok(())
    } else {
        Err(Error::OutOfRange { what, index, size })
    }
}
