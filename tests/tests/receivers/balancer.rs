//! The BPF program as sender: what it makes of a packet, before any wire.

use anyhow::{Context as _, Result, ensure};
use sasp_xdp_common::abi::backend::{
    Backend, Index, MODE_DSR, MODE_GRE, MODE_GUE, MODE_IPIP, OUTER_MAX,
};
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::service::Service;
use sasp_xdp_common::abi::slot::Slot;
use sasp_xdp_common::forward::template;
use tests::fixtures::frame::FrameBuilder;
use tests::fixtures::machine::kernel::Kernel;
use tests::fixtures::machine::{Action, Machine as _};
use tests::fixtures::row::SEED;
use tests::fixtures::world::{INGRESS, Vip, World, backend};
use tests::object;

use crate::form::{Form, Shim};
use crate::member::{MACS, ends};

const MEMBER: Index = 1;
const SERVICE: u32 = 0;

pub(crate) struct Balancer {
    kernel: Kernel,
}

impl Balancer {
    pub(crate) fn new() -> Result<Self> {
        let kernel = Kernel::new(object::read("sasp-xdp")?, names::PROGRAM, SEED)?;
        Ok(Self { kernel })
    }

    /// The frame that carries a packet in this form.
    pub(crate) fn put(&mut self, form: &Form, packet: &FrameBuilder) -> Result<Vec<u8>> {
        let vip = Vip::new(packet.destination(), packet.protocol());
        let service = Service {
            id: SERVICE,
            ..Service::default()
        };
        self.kernel.enter(&World {
            services: [(vip, service)].into(),
            vips: [(packet.destination().ip(), 0)].into(),
            tables: [(SERVICE, vec![Slot::stable(MEMBER)])].into(),
            backends: [(MEMBER, member(form)?)].into(),
            ..World::default()
        })?;
        let outcome = self.kernel.run(&packet.build())?;
        ensure!(
            outcome.action == Action::Tx,
            "not sent: {:?}, {:?}",
            outcome.action,
            self.kernel.trace()?
        );
        Ok(outcome.frame)
    }
}

fn member(form: &Form) -> Result<Backend> {
    let mode = match form.shim {
        Shim::Dsr => MODE_DSR,
        Shim::Ip => MODE_IPIP,
        Shim::Gre => MODE_GRE,
        Shim::Gue => MODE_GUE,
    };
    let (edge, member) = ends(form.outer);
    let (outer, outer_len) = match mode {
        MODE_DSR => ([0; OUTER_MAX], 0),
        _ => template::outer(mode, edge, member).context("no such tunnel")?,
    };
    Ok(Backend {
        macs: MACS,
        mode,
        outer,
        outer_len,
        ..backend(MEMBER, INGRESS)
    })
}
