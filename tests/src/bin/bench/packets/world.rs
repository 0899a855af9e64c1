//! The program under test and what its maps hold: for each way to reach a member one service per address family, of
//! 100 backends, stable slots.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};
use aya::maps::{Array, ArrayOfMaps, HashMap, MapData};
use aya::{Ebpf, EbpfLoader};
use sasp_xdp_common::abi::backend::{
    Backend, MODE_DSR, MODE_GRE, MODE_GUE, MODE_IPIP, OUTER_MAX, USABLE,
};
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::service::{Service, Vip4, Vip6};
use sasp_xdp_common::abi::slot::{Slot, Table};
use sasp_xdp_common::forward::template;

/// The services' addresses; their ports, TCP, are those of [`WAYS`].
pub(super) const VIP4: [u8; 4] = [10, 0, 0, 100];
pub(super) const VIP6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64];
/// No service has this port.
pub(super) const NO_PORT: u16 = 81;

/// Of each service.
const BACKENDS: u16 = 100;

/// A way to reach members.
pub(super) struct Way {
    pub(super) name: &'static str,
    /// The port of the services whose members are reached so.
    pub(super) port: u16,
    mode: u8,
    outside_v6: bool,
}

pub(super) const WAYS: [Way; 7] = [
    way("DSR", 80, MODE_DSR, false),
    way("IPIP", 8001, MODE_IPIP, false),
    way("IPIP over IPv6", 8002, MODE_IPIP, true),
    way("GRE", 8003, MODE_GRE, false),
    way("GRE over IPv6", 8004, MODE_GRE, true),
    way("GUE", 8005, MODE_GUE, false),
    way("GUE over IPv6", 8006, MODE_GUE, true),
];

const fn way(name: &'static str, port: u16, mode: u8, outside_v6: bool) -> Way {
    Way {
        name,
        port,
        mode,
        outside_v6,
    }
}

impl Way {
    /// The outer headers to a member, and how many bytes they are.
    fn outer(&self, member: u8) -> ([u8; OUTER_MAX], u8) {
        let address = |host: u8| -> IpAddr {
            if self.outside_v6 {
                Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, host.into()).into()
            } else {
                Ipv4Addr::new(10, 0, 1, host).into()
            }
        };
        template::outer(self.mode, address(254), address(member)).unwrap_or(([0; OUTER_MAX], 0))
    }
}

pub(super) fn load(object: &[u8]) -> Result<Ebpf> {
    let mut balancer = EbpfLoader::new()
        .override_global("AYA_LOG_LEVEL", &0_u8, true)
        .override_global(names::SEED, &0x5a5a_1234_u64, true)
        .load(object)?;
    for (way, id) in WAYS.iter().zip(0..) {
        fill_backends(&mut balancer, way, id)?;
        fill_table(&mut balancer, id)?;
        add_services(&mut balancer, way, id)?;
    }
    Ok(balancer)
}

fn add_services(balancer: &mut Ebpf, way: &Way, id: u16) -> Result<()> {
    let service = Service::new(id.into(), 0);
    let port = way.port.to_be_bytes();
    let map = balancer
        .map_mut(names::SERVICES_V4)
        .context("no services")?;
    let vip = Vip4 {
        address: VIP4,
        port,
        protocol: 6,
        reserved: 0,
    };
    HashMap::<_, Vip4, Service>::try_from(map)?.insert(vip, service, 0)?;
    let map = balancer
        .map_mut(names::SERVICES_V6)
        .context("no services")?;
    let vip = Vip6 {
        address: VIP6,
        port,
        protocol: 6,
        reserved: 0,
    };
    HashMap::<_, Vip6, Service>::try_from(map)?.insert(vip, service, 0)?;
    Ok(())
}

/// Index of the first backend of a service.
fn first(service: u16) -> u16 {
    1 + service * BACKENDS
}

fn fill_backends(balancer: &mut Ebpf, way: &Way, service: u16) -> Result<()> {
    let map = balancer.map_mut(names::BACKENDS).context("no backends")?;
    let mut backends: Array<_, Backend> = Array::try_from(map)?;
    for member in 0..BACKENDS {
        let macs = [2, 0, 0, 0, 0, member as u8, 2, 0, 0, 0, 0, 0];
        let (outer, outer_len) = way.outer(member as u8);
        // A test run's frames come from interface 1, the loopback.
        let record = Backend {
            flags: USABLE,
            generation: 1,
            ifindex: 1,
            macs,
            mode: way.mode,
            outer,
            outer_len,
            ..Backend::default()
        };
        backends.set((first(service) + member).into(), record, 0)?;
    }
    Ok(())
}

fn fill_table(balancer: &mut Ebpf, service: u16) -> Result<()> {
    let slots =
        (0..SLOTS).map(|slot| Slot::stable(first(service) + (slot % usize::from(BACKENDS)) as u16));
    let slots: Box<[Slot]> = slots.collect();
    let table: Box<Table> = slots.try_into().ok().context("a table of another length")?;
    let mut inner: Array<MapData, Table> = Array::create(1, 0)?;
    inner.set(0, *table, 0)?;
    let map = balancer.map_mut(names::TABLES).context("no tables")?;
    let mut tables: ArrayOfMaps<_, Array<MapData, Table>> = ArrayOfMaps::try_from(map)?;
    Ok(tables.set(service.into(), &inner, 0)?)
}
