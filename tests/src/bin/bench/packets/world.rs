//! The program under test and what its maps hold: one service per address family, 100 backends, stable slots.

use anyhow::{Context as _, Result};
use aya::maps::{Array, ArrayOfMaps, HashMap, MapData};
use aya::{Ebpf, EbpfLoader};
use sasp_xdp_common::abi::backend::{Backend, USABLE};
use sasp_xdp_common::abi::limits::SLOTS;
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::service::{Service, Vip4, Vip6};
use sasp_xdp_common::abi::slot::{Slot, Table};
use tests::object;

/// The services' addresses; both have port 80, TCP.
pub(super) const VIP4: [u8; 4] = [10, 0, 0, 100];
pub(super) const VIP6: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64];
pub(super) const PORT: u16 = 80;

const BACKENDS: u16 = 100;

pub(super) fn load() -> Result<Ebpf> {
    let mut balancer = EbpfLoader::new()
        .override_global("AYA_LOG_LEVEL", &0_u8, true)
        .override_global(names::SEED, &0x5a5a_1234_u64, true)
        .load(&object::read("sasp-xdp")?)?;
    fill_backends(&mut balancer)?;
    fill_table(&mut balancer)?;
    let service = Service::new(0, 0);
    let port = PORT.to_be_bytes();
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
    Ok(balancer)
}

fn fill_backends(balancer: &mut Ebpf) -> Result<()> {
    let map = balancer.map_mut(names::BACKENDS).context("no backends")?;
    let mut backends: Array<_, Backend> = Array::try_from(map)?;
    for index in 1..=BACKENDS {
        let macs = [2, 0, 0, 0, 0, index as u8, 2, 0, 0, 0, 0, 0];
        // A test run's frames come from interface 1, the loopback.
        let record = Backend {
            flags: USABLE,
            generation: 1,
            ifindex: 1,
            macs,
            ..Backend::default()
        };
        backends.set(index.into(), record, 0)?;
    }
    Ok(())
}

fn fill_table(balancer: &mut Ebpf) -> Result<()> {
    let slots = (0..SLOTS).map(|slot| Slot::stable(1 + (slot % usize::from(BACKENDS)) as u16));
    let slots: Box<[Slot]> = slots.collect();
    let table: Box<Table> = slots.try_into().ok().context("a table of another length")?;
    let mut inner: Array<MapData, Table> = Array::create(1, 0)?;
    inner.set(0, *table, 0)?;
    let map = balancer.map_mut(names::TABLES).context("no tables")?;
    let mut tables: ArrayOfMaps<_, Array<MapData, Table>> = ArrayOfMaps::try_from(map)?;
    Ok(tables.set(0, &inner, 0)?)
}
