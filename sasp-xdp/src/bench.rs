//! Helper programs of the benchmark. `BPF_PROG_TEST_RUN` feeds a repeated program its own output, so `restore` writes
//! the frame anew, for another flow each time, and tail-calls the program under test; `stub` in its place gives the
//! cost of that, and `reference` is what times are compared with.
//!
//! For whole forwarders, `generate` makes frames that go out (live frames), and `sink` counts what comes back.
#![no_std]
#![no_main]

use aya_ebpf::bindings::xdp_action::{XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX};
use aya_ebpf::btf_maps::{Array, PerCpuArray, ProgramArray};
use aya_ebpf::helpers::bpf_xdp_adjust_head;
use aya_ebpf::macros::{btf_map, xdp};
use aya_ebpf::programs::XdpContext;
use sasp_xdp_common::abi::bench::{FRAME, SENT, SINK_MAC, Template, flow, port};

#[btf_map]
static TEMPLATE: Array<Template, 1> = Array::new();
#[btf_map]
static TURN: PerCpuArray<u64, 1> = PerCpuArray::new();
#[btf_map]
static TARGET: ProgramArray<1> = ProgramArray::new();
#[btf_map]
static ARRIVED: PerCpuArray<u64, 256> = PerCpuArray::new();

const ETHERNET: usize = 14;

/// Restores the frame, then calls the program under test.
#[xdp]
fn restore(ctx: XdpContext) -> u32 {
    // What a tunnel has put in front of the frame in the round before goes. Called in every round, of the stub too, so
    // that its cost is subtracted.
    let grown = (ctx.data_end() - ctx.data()) as i32 - FRAME as i32;
    // SAFETY: the context is the program's own, and no reference into the frame exists.
    let failed = unsafe { bpf_xdp_adjust_head(ctx.ctx, grown) } != 0;
    if !failed && write_frame::<{ FRAME / 8 }>(&ctx).is_some() {
        // SAFETY: nothing here needs dropping.
        unsafe { TARGET.tail_call(&ctx, 0) };
    }
    XDP_ABORTED
}

/// Sends a frame of another flow each time out of the interface that it is said to come from. Recycled pages hold what
/// a forwarder has made of them.
#[xdp]
fn generate(ctx: XdpContext) -> u32 {
    match write_frame::<{ SENT / 8 }>(&ctx) {
        Some(()) => XDP_TX,
        None => XDP_ABORTED,
    }
}

/// Counts what was forwarded, by the last byte of its destination, and takes it off. All else (neighbour discovery,
/// errors of a router) is for the host.
#[xdp]
fn sink(ctx: XdpContext) -> u32 {
    let start = ctx.data();
    if start + ETHERNET > ctx.data_end() {
        return XDP_PASS;
    }
    // SAFETY: as many bytes were checked; byte arrays have alignment 1.
    let [prefix @ .., last] = unsafe { *(start as *const [u8; 6]) };
    if prefix != SINK_MAC {
        return XDP_PASS;
    }
    if let Some(count) = ARRIVED.get_ptr_mut(last.into()) {
        // SAFETY: a per-CPU value.
        unsafe { *count += 1 };
    }
    XDP_DROP
}

/// The first `WORDS` × 8 bytes of the frame.
#[inline(always)]
fn write_frame<const WORDS: usize>(ctx: &XdpContext) -> Option<()> {
    let template = TEMPLATE.get(0)?;
    // SAFETY: a per-CPU value, and no other program uses it.
    let turn = unsafe { &mut *TURN.get_ptr_mut(0)? };
    *turn = turn.wrapping_add(1);
    if *turn >= template.flows {
        *turn = 0;
    }
    let flow = flow(*turn);
    let start = ctx.data();
    if start + WORDS * 8 > ctx.data_end() {
        return None;
    }
    // SAFETY: as many bytes from `start` were checked; data starts 8-aligned behind the kernel's headroom.
    let words = unsafe { &mut *(start as *mut [u64; WORDS]) };
    let from = template.frame.as_ptr().cast::<[u64; WORDS]>();
    // SAFETY: the template is 8-aligned and at least as long.
    *words = unsafe { *from };
    let [low, mid, high, _] = flow.to_ne_bytes();
    store(ctx, template.address_at, [low, mid, high])?;
    store(ctx, template.port_at, port(flow))
}

#[inline(always)]
fn store<const N: usize>(ctx: &XdpContext, at: u32, bytes: [u8; N]) -> Option<()> {
    let place = ctx.data() + (at as usize & 0x3f);
    if place + N > ctx.data_end() {
        return None;
    }
    // SAFETY: `N` bytes from `place` were checked.
    unsafe { *(place as *mut [u8; N]) = bytes };
    Some(())
}

/// Does nothing.
#[xdp]
fn stub(_: XdpContext) -> u32 {
    XDP_PASS
}

/// Parses nothing, swaps the MAC addresses, sends back.
#[xdp]
fn reference(ctx: XdpContext) -> u32 {
    let start = ctx.data();
    if start + 12 > ctx.data_end() {
        return XDP_PASS;
    }
    // SAFETY: 12 bytes from `start` were checked; byte arrays have alignment 1.
    let macs = unsafe { &mut *(start as *mut [[u8; 6]; 2]) };
    macs.swap(0, 1);
    XDP_TX
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
