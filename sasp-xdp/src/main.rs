//! The XDP program: a thin shell around `sasp_xdp_common::pipeline`.
//!
//! This file turns what the pipeline decides into an XDP action, and is the only one that knows XDP actions. Decisions about packets are in `sasp-xdp-common`, where the host can test them.
//!
//! * [`ctx`], [`sum`]: the frame, the one place of pointer arithmetic.
//! * [`maps`]: the BPF maps. [`way`]: the kernel's routes, for replies.
#![no_std]
#![no_main]
#![expect(unstable_features, reason = "inline assembly for BPF is not stable")]
#![feature(asm_experimental_arch)]

mod ctx;
mod maps;
mod sum;
mod way;

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::bpf_redirect;
use aya_ebpf::macros::xdp;
use aya_ebpf::programs::XdpContext;
use aya_log_ebpf::{debug, trace};
use sasp_xdp_common::pipeline::{general, short, tunnel};
use sasp_xdp_common::verdict::Verdict;

use crate::ctx::Frame;
use crate::maps::KernelMaps;

/// Entry point, called by the kernel for every frame that lies in one buffer.
#[xdp]
fn sasp_xdp(ctx: XdpContext) -> u32 {
    run::<false>(&ctx)
}

/// Entry point for drivers that hand over large frames in several buffers.
#[xdp(frags)]
fn sasp_xdp_frags(ctx: XdpContext) -> u32 {
    run::<true>(&ctx)
}

/// The short way is not a function of its own: where processors mispredict every return on purpose, a call costs as
/// much as half of it.
#[inline(always)]
fn run<const FRAGS: bool>(ctx: &XdpContext) -> u32 {
    let maps = KernelMaps::new(ctx);
    let mut verdict = short(&mut Frame::<FRAGS, false>::new(ctx), &maps);
    if verdict.is_tunnel() {
        verdict = tunnel_way::<FRAGS>(ctx.ctx, verdict);
    }
    if verdict.is_slow() {
        verdict = general(&mut Frame::<FRAGS, true>::new(ctx), &maps);
    }
    action(ctx, verdict)
}

/// A function of its own, so that the general way has its stack too.
#[inline(never)]
fn tunnel_way<const FRAGS: bool>(ctx: *mut xdp_md, verdict: Verdict) -> Verdict {
    let ctx = XdpContext::new(ctx);
    let mut frame = Frame::<FRAGS, false>::new(&ctx);
    tunnel(&mut frame, &KernelMaps::new(&ctx), verdict)
}

#[inline(always)]
fn action(ctx: &XdpContext, verdict: Verdict) -> u32 {
    let Some(ifindex) = verdict.ifindex() else {
        if verdict.is_drop() {
            debug!(ctx, "dropped");
            return XDP_DROP;
        }
        trace!(ctx, "passed");
        return XDP_PASS;
    };
    trace!(ctx, "sent to backend {}", verdict.index());
    if ifindex == ctx.ingress_ifindex() as u32 {
        return XDP_TX;
    }
    // SAFETY: the helper takes two integers and touches no memory of ours.
    unsafe { bpf_redirect(ifindex, 0) as u32 }
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
