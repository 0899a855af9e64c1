//! The XDP program: a thin shell around `sasp_xdp_common::pipeline`.
//!
//! This file turns what the pipeline decides into a counter and an XDP action, and is the only one that knows XDP
//! actions. Decisions about packets are in `sasp-xdp-common`, where the host can test them.
//!
//! * [`ctx`]: the frame, the one place of pointer arithmetic.
//! * [`maps`]: the BPF maps. [`way`]: the kernel's routes, for replies.
#![no_std]
#![no_main]

mod ctx;
mod maps;
mod way;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::helpers::bpf_redirect;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use aya_log_ebpf::{debug, trace};
use sasp_xdp_common::abi::counters::{Class, Reason};
use sasp_xdp_common::maps::Maps as _;
use sasp_xdp_common::packet::Packet as _;
use sasp_xdp_common::pipeline::{Sent, balance};

use crate::ctx::Frame;
use crate::maps::KernelMaps;

/// Entry point, called by the kernel for every frame.
#[xdp]
fn sasp_xdp(ctx: XdpContext) -> u32 {
    let mut frame = Frame::new(&ctx);
    let maps = KernelMaps::new(&ctx);
    match balance(&mut frame, &maps) {
        Ok(sent) => {
            trace!(&ctx, "sent to backend {}", sent.index);
            leave(&frame, sent)
        }
        Err(reason) => {
            maps.count(reason);
            stay(&ctx, reason)
        }
    }
}

/// The frame leaves by the interface on which it came, or by another.
#[inline(always)]
fn leave(frame: &Frame, sent: Sent) -> u32 {
    if sent.ifindex == frame.ingress_ifindex() {
        return XDP_TX;
    }
    // SAFETY: the helper takes two integers and touches no memory of ours.
    unsafe { bpf_redirect(sent.ifindex, 0) as u32 }
}

#[inline(always)]
fn stay(ctx: &XdpContext, reason: Reason) -> u32 {
    match reason.class() {
        Class::Pass | Class::Note => {
            trace!(ctx, "passed, reason {}", reason as u32);
            XDP_PASS
        }
        Class::Drop => {
            debug!(ctx, "dropped, reason {}", reason as u32);
            XDP_DROP
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // Never linked: the build fails if the object holds a panic.
    loop {}
}

/// The kernel lends GPL-only helpers to programs that declare this.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
