//! The way to a member: the part of a backend's record that follows from mode and next hop.

use std::net::IpAddr;

use sasp_xdp_common::abi::backend::{
    Backend, MODE_DSR, MODE_FULL_NAT, MODE_GRE, MODE_GUE, MODE_IPIP, MODE_NAT, OUTER_MAX,
};
use sasp_xdp_common::forward::template;

use crate::balance::effective::Unreachable;
use crate::balance::inputs::NextHop;
use crate::balance::spec::Forward;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Way {
    pub(super) ifindex: u32,
    pub(super) macs: [u8; 12],
    mode: u8,
    pub(super) outer_len: u8,
    /// See [`Backend::inner_max`].
    pub(super) inner_max: u16,
    outer: [u8; OUTER_MAX],
}

impl Way {
    /// The way of packets to `member`, or why there is none.
    pub(super) fn new(
        forward: Forward,
        hop: &NextHop,
        member: IpAddr,
    ) -> Result<Self, Unreachable> {
        let mode = mode(forward);
        let (outer, outer_len) = match forward {
            Forward::Dsr if hop.via_gateway => return Err(Unreachable::BehindGateway),
            Forward::Dsr | Forward::Nat | Forward::FullNat => ([0; OUTER_MAX], 0),
            Forward::Ipip | Forward::Gue | Forward::Gre => {
                let source = hop.source.ok_or(Unreachable::NoSource)?;
                template::outer(mode, source, member).ok_or(Unreachable::NoSource)?
            }
        };
        let room = hop.mtu.saturating_sub(outer_len.into());
        Ok(Self {
            ifindex: hop.ifindex,
            macs: hop.macs,
            mode,
            outer_len,
            inner_max: match forward {
                // Whatever comes fits, and need not be looked at.
                Forward::Dsr if hop.mtu >= hop.clients_mtu => 0,
                // 0 would let everything through.
                _ => u16::try_from(room).unwrap_or(u16::MAX).max(1),
            },
            outer,
        })
    }

    /// The way that a record leads.
    pub(super) fn adopt(record: &Backend) -> Result<Self, Unreachable> {
        if record.ifindex == 0 {
            return Err(Unreachable::NoNextHop);
        }
        Ok(Self {
            ifindex: record.ifindex,
            macs: record.macs,
            mode: record.mode,
            outer_len: record.outer_len,
            inner_max: record.inner_max,
            outer: record.outer,
        })
    }

    /// A record that leads this way and says nothing else.
    pub(super) fn record(&self) -> Backend {
        Backend {
            ifindex: self.ifindex,
            macs: self.macs,
            mode: self.mode,
            outer_len: self.outer_len,
            inner_max: self.inner_max,
            outer: self.outer,
            ..Backend::default()
        }
    }
}

/// As records have it.
pub(super) const fn mode(forward: Forward) -> u8 {
    match forward {
        Forward::Dsr => MODE_DSR,
        Forward::Ipip => MODE_IPIP,
        Forward::Gue => MODE_GUE,
        Forward::Gre => MODE_GRE,
        Forward::Nat => MODE_NAT,
        Forward::FullNat => MODE_FULL_NAT,
    }
}
