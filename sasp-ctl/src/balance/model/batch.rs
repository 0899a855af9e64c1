//! Collects the changes of one event and puts them into the order that [`Change`] promises.

use std::sync::Arc;

use sasp_xdp_common::abi::backend::Index;

use crate::balance::change::{Change, Vip};
use crate::balance::lookups::Lookups;

/// Changes, by the phase in which they are safe.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Services that go, whole: nothing leads to their tables and backends any more.
    removals: Vec<Change>,
    /// What is looked up no longer holds anything of these: their ids may get other owners.
    pub(super) forgotten: Option<Arc<Lookups>>,
    /// What is looked up from now on. The new goes first, the old last.
    pub(super) lookups: Option<Arc<Lookups>>,
    /// Records of backends that may get packets: before the tables that may name them.
    pub(super) usable: Vec<Change>,
    /// Tables.
    pub(super) tables: Vec<Change>,
    /// Services, which lead to the tables.
    pub(super) services: Vec<Change>,
    /// Records of backends that may not: after the tables that no longer name them.
    pub(super) unusable: Vec<Change>,
    /// Backends that no table names any more.
    pub(super) retired: Vec<Change>,
}

impl Batch {
    /// Something goes whole.
    pub(super) fn removes(&self) -> bool {
        !self.removals.is_empty()
    }

    /// Packets to a VIP are no longer for us. Comes before the removal of what it led to.
    pub(super) fn remove_vip(&mut self, vip: Vip) {
        self.removals.push(Change::RemoveService { vip });
    }

    /// What is behind a service id goes; no VIP leads to it.
    pub(super) fn remove_service(&mut self, service: u32, has_table: bool, backends: &[Index]) {
        let removals = &mut self.removals;
        removals.extend(has_table.then_some(Change::RemoveTable { service }));
        removals.extend(
            backends
                .iter()
                .map(|&index| Change::RetireBackend { index, service }),
        );
        removals.push(Change::RetireService { service });
    }

    pub(super) fn into_changes(self) -> Vec<Change> {
        let mut changes = self.removals;
        changes.extend(self.forgotten.map(Change::PruneLookups));
        changes.extend(self.lookups.clone().map(Change::AddLookups));
        changes.extend(self.usable);
        changes.extend(self.tables);
        changes.extend(self.services);
        changes.extend(self.unusable);
        changes.extend(self.retired);
        changes.extend(self.lookups.map(Change::PruneLookups));
        changes
    }
}
