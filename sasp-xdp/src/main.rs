//! placeholder
#![no_std]
#![no_main]

use aya_ebpf::{
    bindings::xdp_action,
    btf_maps::PerCpuArray,
    macros::{btf_map, xdp},
    programs::XdpContext,
};

#[btf_map]
static COUNTERS: PerCpuArray<u64, 1> = PerCpuArray::new();

/// Counts and passes every packet.
#[xdp]
pub fn sasp(_ctx: XdpContext) -> u32 {
    if let Some(counter) = COUNTERS.get_ptr_mut(0) {
        unsafe { *counter += 1 };
    }
    xdp_action::XDP_PASS
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
