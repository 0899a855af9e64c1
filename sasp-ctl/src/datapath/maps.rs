//! The pinned maps, opened.

use std::collections::BTreeSet;
use std::path::Path;

use sasp_xdp_common::abi::backend::{Backend, Index};
use sasp_xdp_common::abi::counters::Traffic;
use sasp_xdp_common::abi::flow::{Flow4, Flow6, FlowEntry};
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::nat::{NatEntry4, NatEntry6};
use sasp_xdp_common::abi::service::{Service, Vip4, Vip6};

use super::error::Error;
use super::lookups::LookupMaps;
use super::map::Map;
use super::tables::Tables;
use crate::balance::change::{Adopted, Vip};

/// All of them.
#[derive(Debug)]
pub(super) struct Maps {
    pub(super) services_v4: Map<Vip4, Service>,
    pub(super) services_v6: Map<Vip6, Service>,
    pub(super) tables: Tables,
    pub(super) backends: Map<u32, Backend>,
    pub(super) traffic: Map<u32, Traffic>,
    pub(super) retired: Map<u32, Traffic>,
    pub(super) reasons: Map<u32, u64>,
    pub(super) flows_v4: Map<Flow4, FlowEntry>,
    pub(super) flows_v6: Map<Flow6, FlowEntry>,
    pub(super) mtus: Map<u32, u32>,
    pub(super) nat_v4: Map<Flow4, NatEntry4>,
    pub(super) nat_v6: Map<Flow6, NatEntry6>,
    pub(super) lookups: LookupMaps,
}

impl Maps {
    /// Opens those that are pinned in `directory`.
    pub(super) fn open(directory: &Path) -> Result<Self, Error> {
        Ok(Self {
            services_v4: Map::open(directory, names::SERVICES_V4)?,
            services_v6: Map::open(directory, names::SERVICES_V6)?,
            tables: Tables::open(directory)?,
            backends: Map::open(directory, names::BACKENDS)?,
            traffic: Map::open(directory, names::TRAFFIC)?,
            retired: Map::open(directory, names::RETIRED)?,
            reasons: Map::open(directory, names::REASONS)?,
            flows_v4: Map::open(directory, names::FLOWS_V4)?,
            flows_v6: Map::open(directory, names::FLOWS_V6)?,
            mtus: Map::open(directory, names::MTUS)?,
            nat_v4: Map::open(directory, names::NAT_V4)?,
            nat_v6: Map::open(directory, names::NAT_V6)?,
            lookups: LookupMaps::open(directory)?,
        })
    }

    /// Reads back what a former daemon had written.
    pub(super) fn adopt(&mut self) -> Result<Adopted, Error> {
        let mut adopted = Adopted {
            tables: self.tables.adopt()?,
            lookups: self.lookups.read()?,
            ..Adopted::default()
        };
        let services = &mut adopted.services;
        self.services_v4
            .for_each(|vip, service| services.push((Vip::V4(*vip), service[0])))
            .and_then(|()| {
                self.services_v6
                    .for_each(|vip, service| services.push((Vip::V6(*vip), service[0])))
            })
            .map_err(Error::map_call("read services"))?;
        services.sort_by_key(|(vip, _)| *vip);
        self.backends
            .for_each(|&index, backend| {
                if backend[0].generation != 0 {
                    adopted.backends.push((index as Index, backend[0]));
                }
            })
            .map_err(Error::map_call("read backends"))?;
        self.forget_retired_services(&adopted)?;
        Ok(adopted)
    }

    /// Whoever removes a service zeroes its retired traffic last, and may have been killed before that. The next
    /// service of that id must not inherit it.
    fn forget_retired_services(&mut self, adopted: &Adopted) -> Result<(), Error> {
        let services = adopted.services.iter().map(|(_, service)| service.id);
        let tables = adopted.tables.iter().map(|(id, _)| *id);
        let backends = adopted
            .backends
            .iter()
            .filter(|(_, record)| !record.retired());
        let used: BTreeSet<u32> = services
            .chain(tables)
            .chain(backends.map(|(_, record)| record.service))
            .collect();
        let mut unused = Vec::new();
        self.retired
            .for_each(|service, traffic| {
                if traffic[0] != Traffic::default() && !used.contains(service) {
                    unused.push(*service);
                }
            })
            .map_err(Error::map_call("read retired traffic"))?;
        unused
            .into_iter()
            .try_for_each(|service| self.set_retired(service, Traffic::default()))
    }
}
