//! The program under test and what its maps hold: one service per address family for each [`Way`], and [`SERVICES`]
//! more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};
use aya::maps::{Array, ArrayOfMaps, HashMap, MapData};
use aya::{Ebpf, EbpfLoader};
use sasp_xdp_common::abi::backend::{
    Backend, MODE_DSR, MODE_FULL_NAT, MODE_GRE, MODE_GUE, MODE_IPIP, MODE_NAT, OUTER_MAX, USABLE,
};
use sasp_xdp_common::abi::bench;
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::service::{Service, Vip4, Vip6};
use sasp_xdp_common::abi::settings::{HAS_REPLIES, Settings};
use sasp_xdp_common::abi::slot::{Slot, Table};
use sasp_xdp_common::forward::template;

/// The services' addresses; their ports, TCP, are those of [`WAYS`].
pub(super) const VIP4: [u8; 4] = [10, 0, 0, 100];
pub(super) const VIP6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64];
/// No service has this port.
pub(super) const NO_PORT: u16 = 81;

/// Services with ports of their own beside those of [`WAYS`] and the others, all with the table of the first.
pub(super) const SERVICES: u64 = 500;

/// Where the member of `nat` sends its replies from, and that of `full-nat` in [`MORE`]'s last row.
pub(super) const MEMBER_PORT: u16 = 8080;
/// Source address of `full-nat`, and its port where there is but one.
pub(super) const SOURCE: [u8; 4] = [10, 0, 0, 200];
pub(super) const SOURCE_PORT: u16 = 5000;

/// A way to reach members.
pub(super) struct Way {
    pub(super) name: &'static str,
    /// The port of the services whose members are reached so.
    pub(super) port: u16,
    mode: u8,
    outside_v6: bool,
    backends: u16,
    /// Every slot has just changed owner.
    tracked: bool,
}

/// All are measured alike.
pub(super) const WAYS: [Way; 7] = [
    way("DSR", 80, MODE_DSR, false),
    way("IPIP", 8001, MODE_IPIP, false),
    way("IPIP over IPv6", 8002, MODE_IPIP, true),
    way("GRE", 8003, MODE_GRE, false),
    way("GRE over IPv6", 8004, MODE_GRE, true),
    way("GUE", 8005, MODE_GUE, false),
    way("GUE over IPv6", 8006, MODE_GUE, true),
];

pub(super) const FEW: Way = Way {
    backends: 3,
    ..way("DSR, 3 backends", 8010, MODE_DSR, false)
};
pub(super) const MANY: Way = Way {
    backends: 1000,
    ..way("DSR, 1000 backends", 8011, MODE_DSR, false)
};
pub(super) const TRACKED: Way = Way {
    tracked: true,
    ..way("DSR, tracked", 8012, MODE_DSR, false)
};
pub(super) const NAT: Way = way("nat", 8013, MODE_NAT, false);
pub(super) const FULL_NAT: Way = way("full-nat", 8014, MODE_FULL_NAT, false);
/// One member, so that it is known who replies.
pub(super) const FULL_NAT_ONE: Way = Way {
    backends: 1,
    ..way("full-nat", 8015, MODE_FULL_NAT, false)
};
const MORE: [Way; 6] = [FEW, MANY, TRACKED, NAT, FULL_NAT, FULL_NAT_ONE];

const fn way(name: &'static str, port: u16, mode: u8, outside_v6: bool) -> Way {
    Way {
        name,
        port,
        mode,
        outside_v6,
        backends: 100,
        tracked: false,
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
    // First, for those with names are more important where ports coincide.
    for turn in 0..SERVICES {
        add_services(&mut balancer, bench::port(bench::flow(turn)), 0)?;
    }
    let mut first = 1;
    for (way, id) in WAYS.iter().chain(&MORE).zip(0..) {
        fill_backends(&mut balancer, way, first)?;
        fill_table(&mut balancer, way, first, id)?;
        add_services(&mut balancer, way.port.to_be_bytes(), id)?;
        first += way.backends;
    }
    let map = balancer.map_mut(names::VIPS_V4).context("no VIPs")?;
    HashMap::<_, [u8; 4], u32>::try_from(map)?.insert(VIP4, 0, 0)?;
    let map = balancer.map_mut(names::REPLIES_V4).context("no replies")?;
    let member = vip4(member(0), MEMBER_PORT.to_be_bytes());
    HashMap::<_, Vip4, Vip4>::try_from(map)?.insert(
        member,
        vip4(VIP4, NAT.port.to_be_bytes()),
        0,
    )?;
    Ok(balancer)
}

/// What there is beside exact VIPs: nothing, or replies and a pool of so many ports.
pub(super) fn set(balancer: &mut Ebpf, pool_ports: Option<u16>) -> Result<()> {
    let mut settings = Settings::default();
    if let Some(ports) = pool_ports {
        settings.features = HAS_REPLIES;
        settings.pool_port = SOURCE_PORT;
        settings.pool_ports = ports;
        settings.pool_v4_len = 1;
        settings.pool_v4[0] = SOURCE;
    }
    let map = balancer.map_mut(names::SETTINGS).context("no settings")?;
    Ok(Array::<_, Settings>::try_from(map)?.set(0, settings, 0)?)
}

/// The address of a service's member.
pub(super) fn member(index: u16) -> [u8; 4] {
    let [high, low] = index.to_be_bytes();
    [10, 1, high, low]
}

fn vip4(address: [u8; 4], port: [u8; 2]) -> Vip4 {
    Vip4 {
        address,
        port,
        protocol: 6,
        reserved: 0,
    }
}

fn add_services(balancer: &mut Ebpf, port: [u8; 2], id: u32) -> Result<()> {
    let service = Service {
        idle_s: 900,
        ..Service::new(id, 0)
    };
    let map = balancer
        .map_mut(names::SERVICES_V4)
        .context("no services")?;
    HashMap::<_, Vip4, Service>::try_from(map)?.insert(vip4(VIP4, port), service, 0)?;
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

/// Of indices from `first` on.
fn fill_backends(balancer: &mut Ebpf, way: &Way, first: u16) -> Result<()> {
    let map = balancer.map_mut(names::BACKENDS).context("no backends")?;
    let mut backends: Array<_, Backend> = Array::try_from(map)?;
    for index in 0..way.backends {
        let [high, low] = index.to_be_bytes();
        let macs = [2, 0, 0, 0, high, low, 2, 0, 0, 0, 0, 0];
        let (outer, outer_len) = way.outer(low);
        // A test run's frames come from interface 1, the loopback.
        let record = Backend {
            flags: USABLE,
            generation: 1,
            ifindex: 1,
            macs,
            mode: way.mode,
            outer,
            outer_len,
            address: Ipv4Addr::from(member(index)).to_ipv6_mapped().octets(),
            port: MEMBER_PORT,
            protocol: 6,
            ..Backend::default()
        };
        backends.set((first + index).into(), record, 0)?;
    }
    Ok(())
}

fn fill_table(balancer: &mut Ebpf, way: &Way, first: u16, service: u32) -> Result<()> {
    let owner = |slot: usize| first + (slot % usize::from(way.backends)) as u16;
    let slots = (0..SLOTS).map(|slot| {
        if way.tracked {
            Slot::new(owner(slot), owner(slot + 1), true)
        } else {
            Slot::stable(owner(slot))
        }
    });
    let slots: Box<[Slot]> = slots.collect();
    let table: Box<Table> = slots.try_into().ok().context("a table of another length")?;
    let mut inner: Array<MapData, Table> = Array::create(1, 0)?;
    inner.set(0, *table, 0)?;
    let map = balancer.map_mut(names::TABLES).context("no tables")?;
    let mut tables: ArrayOfMaps<_, Array<MapData, Table>> = ArrayOfMaps::try_from(map)?;
    Ok(tables.set(service, &inner, 0)?)
}
