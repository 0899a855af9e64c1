//! Sends short frames to the box as fast as a core can: the kernel runs a program over pages that it then transmits
//! (`BPF_F_TEST_XDP_LIVE_FRAMES`, Linux 5.18). No socket, no driver of a network card.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, Result, anyhow};
use aya::maps::Array;
use aya::programs::{TestRun as _, TestRunAttrs, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use nix::net::if_::if_nametoindex;
use sasp_ctl::datapath;
use sasp_xdp_common::abi::bench::{FRAME, SENT, SINK_MAC, Template};
use tests::fixtures::frame;
use tests::lab::namespace::Namespace;
use tests::lab::site::VIP4;
use tests::object;

use super::wire::{CLIENT, PORT};

/// Last byte of the frames' source: where a forwarder that swaps addresses sends them.
pub(super) const SOURCE: u8 = 0xff;

/// Offset of the frames' source MAC address.
const SOURCE_MAC: usize = 6;
/// Offset of the UDP checksum.
const CHECKSUM: usize = frame::IP + 20 + 6;
/// Offset of the UDP payload.
const PAYLOAD: usize = frame::IP + 20 + 8;

/// Frames between two looks at whether to stop.
const REPEAT: u32 = 1 << 17;
/// As the kernel's default.
const BATCH: u32 = 64;
/// Client ports in turn: enough that no cache holds one flow only.
const FLOWS: u64 = 10_000;

/// A thread that sends, until dropped.
pub(super) struct Generator {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Generator {
    /// Starts one that sends from `eth0` of a namespace.
    pub(super) fn start(namespace: &Namespace) -> Result<Self> {
        let mut object = EbpfLoader::new().load(&object::read("sasp-xdp-bench")?)?;
        let template = object.map_mut("TEMPLATE").context("no map TEMPLATE")?;
        Array::<_, Template>::try_from(template)?.set(0, self::template()?, 0)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = namespace.inside(|| {
            // A thread inherits the namespace of the one that starts it.
            thread::spawn(move || send(object, &stopped))
        })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }

    /// Ends it; the error that ended it before, if any.
    pub(super) fn stop(mut self) -> Result<()> {
        self.end().context("the generator")
    }

    fn end(&mut self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(anyhow!("panicked")),
            Some(Ok(result)) => result,
            None => Ok(()),
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("generator: {error:#}");
        }
    }
}

fn send(mut object: Ebpf, stop: &AtomicBool) -> Result<()> {
    let program: &mut Xdp = object
        .program_mut("generate")
        .context("no program generate")?
        .try_into()?;
    datapath::load(program)?;
    // `struct xdp_md`: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
    let context = [0, SENT as u32, 0, if_nametoindex("eth0")?, 0, 0];
    let context: Vec<u8> = context
        .iter()
        .flat_map(|field| field.to_ne_bytes())
        .collect();
    while !stop.load(Ordering::Relaxed) {
        program.test_run(TestRunOptions {
            data_in: Some(&[0; SENT]),
            ctx_in: Some(&context),
            repeat: REPEAT,
            attrs: TestRunAttrs::new().xdp_live_frames(BATCH),
            ..TestRunOptions::default()
        })?;
    }
    Ok(())
}

/// A UDP datagram to the VIP, without checksum, from many ports: its payload takes the varied bytes of an address.
fn template() -> Result<Template> {
    let [a, b, c, d, e] = SINK_MAC;
    let mut frame = frame::udp((CLIENT, 0).into(), (VIP4, PORT).into())
        .payload([0; SENT - PAYLOAD])
        .set(CHECKSUM, &[0; 2])
        .set(SOURCE_MAC, &[a, b, c, d, e, SOURCE])
        .build();
    frame.resize(FRAME, 0);
    Ok(Template {
        frame: frame
            .try_into()
            .map_err(|_| anyhow!("a frame of another length"))?,
        address_at: PAYLOAD as u32,
        port_at: (frame::IP + 20) as u32,
        flows: FLOWS,
    })
}
