//! The BPF program as sender: what it makes of a packet, before any wire.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, ensure};
use sasp_xdp_common::abi::backend::{
    Backend, Index, MODE_DSR, MODE_FULL_NAT, MODE_GRE, MODE_GUE, MODE_IPIP, MODE_NAT, OUTER_MAX,
};
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::service::Service;
use sasp_xdp_common::abi::settings::{HAS_REPLIES, Settings};
use sasp_xdp_common::abi::slot::Slot;
use sasp_xdp_common::forward::template;
use sasp_xdp_common::parse::{TCP, UDP};
use tests::fixtures::machine::kernel::Kernel;
use tests::fixtures::machine::{Action, Machine as _};
use tests::fixtures::row::SEED;
use tests::fixtures::world::{INGRESS, Vip, World, backend};
use tests::object;

use crate::form::{Form, Shim};
use crate::host::{MACS, ends, vip};

/// The port that packets of `full-nat` come from; there is no other.
const POOL_PORT: u16 = 50_000;

pub(crate) struct Balancer {
    kernel: Kernel,
}

impl Balancer {
    pub(crate) fn new() -> Result<Self> {
        let kernel = Kernel::new(object::read("sasp-xdp")?, names::PROGRAM, SEED)?;
        Ok(Self { kernel })
    }

    /// From now on packets go to a member in this form, if they are not longer than `inner_max`, unless it is 0.
    pub(crate) fn balance(&mut self, form: &Form, inner_max: u16) -> Result<()> {
        let vip = vip(form.inner);
        let mut world = World {
            settings: settings(form),
            vips: [(vip.ip(), 0)].into(),
            ..World::default()
        };
        for (id, protocol) in [(0, TCP), (1, UDP)] {
            let index = 1 + id as Index;
            let service = Service {
                id,
                idle_s: 300,
                ..Service::default()
            };
            let key = Vip::new(vip, protocol);
            world.services.insert(key, service);
            world.tables.insert(id, vec![Slot::stable(index)]);
            let member = Backend {
                inner_max,
                protocol,
                service: id,
                ..member(form, index)?
            };
            world.backends.insert(index, member);
            if form.shim == Shim::Nat {
                world
                    .replies
                    .insert(Vip::new(form.receiver(), protocol), key);
            }
        }
        self.kernel.enter(&world)
    }

    /// The frame that it sends on for this one, as the next host gets it.
    pub(crate) fn put(&mut self, frame: &[u8]) -> Result<Vec<u8>> {
        let outcome = self.kernel.run(frame)?;
        ensure!(
            matches!(outcome.action, Action::Tx | Action::Redirect),
            "not sent: {:?}, {:?}",
            outcome.action,
            self.kernel.trace()?
        );
        let mut frame = outcome.frame;
        frame[..MACS.len()].copy_from_slice(&MACS);
        Ok(frame)
    }
}

/// Where a member's replies to a client's packets go.
pub(crate) fn seen_by_member(form: &Form, client: SocketAddr) -> SocketAddr {
    match form.shim {
        Shim::FullNat => (ends(form.inner).0, POOL_PORT).into(),
        _ => client,
    }
}

fn settings(form: &Form) -> Settings {
    let mut settings = Settings::default();
    if matches!(form.shim, Shim::Nat | Shim::FullNat) {
        settings.features = HAS_REPLIES;
        (settings.pool_port, settings.pool_ports) = (POOL_PORT, 1);
    }
    match ends(form.inner).0 {
        IpAddr::V4(ip) => (settings.pool_v4[0], settings.pool_v4_len) = (ip.octets(), 1),
        IpAddr::V6(ip) => (settings.pool_v6[0], settings.pool_v6_len) = (ip.octets(), 1),
    }
    settings
}

fn member(form: &Form, index: Index) -> Result<Backend> {
    let mode = match form.shim {
        Shim::Dsr => MODE_DSR,
        Shim::Ip => MODE_IPIP,
        Shim::Gre => MODE_GRE,
        Shim::Gue => MODE_GUE,
        Shim::Nat => MODE_NAT,
        Shim::FullNat => MODE_FULL_NAT,
    };
    let (edge, member) = ends(form.outer);
    let (outer, outer_len) = match form.shim {
        Shim::Ip | Shim::Gre | Shim::Gue => {
            template::outer(mode, edge, member).context("no such tunnel")?
        }
        _ => ([0; OUTER_MAX], 0),
    };
    Ok(Backend {
        macs: MACS,
        mode,
        outer,
        outer_len,
        address: match form.receiver().ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
            IpAddr::V6(ip) => ip.octets(),
        },
        port: form.receiver().port(),
        ..backend(index, INGRESS)
    })
}
