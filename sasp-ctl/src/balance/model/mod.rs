//! The balancer's state: services, members, their indices, generations and slot tables; from every event to the list
//! of map changes that it asks for.
//!
//! It believes that every list it returns is carried out, whole and in order. If that fails, the way on is
//! [`Balancer::adopt`] from what the maps hold.
//!
//! One clock: every `now_ns` is `CLOCK_MONOTONIC` in nanoseconds, the packet path's `seen_ns`.

use thiserror::Error;

use super::change::{Adopted, Change, FlowKey};
use super::inputs::Inputs;
use super::spec::ServiceSpec;
use crate::sasp::msg::{MemberKey, Name};
use sasp_xdp_common::abi::flow::FlowEntry;

mod report;

pub use report::Report;

/// Sizes of the maps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Services.
    pub services: usize,
    /// Backends, nobody (index 0) included.
    pub backends: usize,
}

/// More than the maps hold. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum LimitError {
    /// Too many services.
    #[error("{wanted} services, but the maps hold {limit}: remove some")]
    Services {
        /// How many there would be.
        wanted: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Too many backends.
    #[error(
        "{wanted} members of all services together (replaced ones count until the new ones are in place), \
         but the maps hold {limit}: remove some"
    )]
    Backends {
        /// How many there would be.
        wanted: usize,
        /// How many there may be.
        limit: usize,
    },
}

/// No service of the group has such a member.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("no service of group {group} has this member: `status` lists them")]
pub struct UnknownMember {
    /// The group asked for.
    pub group: Name,
}

/// What a sweep asks for: first the flows to forget, then the changes.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// Flows to delete from the flow maps, before the changes.
    pub forget: Vec<FlowKey>,
    /// Then these.
    pub changes: Vec<Change>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Balancer {
    seed: u64,
}

impl Balancer {
    /// Starts from what is in the maps (nothing, on a first start) and makes it what `specs` want.
    ///
    /// The words of the GWM, next hops and quiesced members come from the backends' records and stand until
    /// [`Balancer::update`] says otherwise, so that a restart changes no table.
    pub fn adopt(
        _limits: Limits,
        seed: u64,
        _adopted: Adopted,
        _specs: Vec<ServiceSpec>,
        _now_ns: u64,
    ) -> Result<(Self, Vec<Change>), LimitError> {
        Ok((Self { seed }, Vec::new()))
    }

    /// A new config. On an error everything stays as it was.
    pub fn set_services(
        &mut self,
        _specs: Vec<ServiceSpec>,
        _now_ns: u64,
    ) -> Result<Vec<Change>, LimitError> {
        Ok(Vec::new())
    }

    /// New words of a GWM, new next hops: all of them, as they stand now.
    pub fn update(&mut self, _inputs: &Inputs, _now_ns: u64) -> Vec<Change> {
        Vec::new()
    }

    /// The operator takes a member out (it keeps its flows), or lets it back in.
    pub fn quiesce(
        &mut self,
        group: &Name,
        _member: &MemberKey,
        _quiesced: bool,
        _now_ns: u64,
    ) -> Result<Vec<Change>, UnknownMember> {
        Err(UnknownMember {
            group: group.clone(),
        })
    }

    /// Members that the operator has quiesced; after a restart the ones from before.
    pub fn quiesced(&self) -> Vec<(Name, MemberKey)> {
        Vec::new()
    }

    /// Takes stock of the remembered flows (all of both maps, read after `now_ns`), every few seconds: settles and
    /// stabilises slots, finds the flows that may be forgotten.
    pub fn sweep(
        &mut self,
        _flows: impl IntoIterator<Item = (FlowKey, FlowEntry)>,
        _now_ns: u64,
    ) -> Sweep {
        Sweep::default()
    }

    /// Everything that an operator may want to see.
    pub fn report(&self) -> Report {
        let _ = self.seed;
        Report::default()
    }
}
