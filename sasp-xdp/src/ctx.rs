//! The frame as the kernel hands it over. The one place of pointer arithmetic.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len};
use aya_ebpf::programs::XdpContext;
use sasp_xdp_common::packet::Packet;

use crate::sum;

/// The frame of an XDP context. `FRAGS`: it may have further buffers. `ANYWHERE`: offsets are variables, not constants.
pub(crate) struct Frame<const FRAGS: bool, const ANYWHERE: bool> {
    start: usize,
    end: usize,
    ctx: *mut xdp_md,
}

/// Offsets that the pipeline may ask for, and a little more: what the verifier knows of a variable one.
pub(crate) const AT_MASK: usize = 0x3fff;

impl<const FRAGS: bool, const ANYWHERE: bool> Frame<FRAGS, ANYWHERE> {
    #[inline(always)]
    pub(crate) fn new(ctx: &XdpContext) -> Self {
        Self {
            start: ctx.data(),
            end: ctx.data_end(),
            ctx: ctx.ctx,
        }
    }

    /// Address of `N` bytes from `at`, checked in the form that the verifier follows.
    #[inline(always)]
    fn checked<const N: usize>(&self, at: usize) -> Option<usize> {
        let at = if ANYWHERE { bounded(at) } else { at };
        let first = self.start + at;
        (first + N <= self.end).then_some(first)
    }

    /// After a change of the frame's size.
    #[inline(always)]
    fn reload(&mut self) {
        let ctx = XdpContext::new(self.ctx);
        self.start = ctx.data();
        self.end = ctx.data_end();
    }
}

/// The verifier forgets the bounds of what has been in memory or went through arithmetic; LLVM, which does not, would
/// leave the mask out.
#[inline(always)]
pub(crate) fn bounded(at: usize) -> usize {
    masked::<AT_MASK>(at)
}

/// A number that LLVM knows nothing about, not even what it was made of.
#[inline(always)]
pub(crate) fn masked<const MASK: usize>(number: usize) -> usize {
    let mut number = number;
    // SAFETY: arithmetic on a register. (An empty statement would leave two lines for one instruction in the object's
    // debug info, which the kernel refuses.)
    unsafe {
        core::arch::asm!(
            "{number} &= {mask}",
            number = inout(reg) number,
            mask = const MASK,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    number
}

impl<const FRAGS: bool, const ANYWHERE: bool> Packet for Frame<FRAGS, ANYWHERE> {
    #[inline(always)]
    fn len(&self) -> usize {
        if FRAGS {
            // SAFETY: the context is the program's own.
            return unsafe { bpf_xdp_get_buff_len(self.ctx) } as usize;
        }
        let len = self.end - self.start;
        if ANYWHERE {
            // Or LLVM would take `len - at` for `end - (start + at)`, with an `at` that the verifier knows nothing of.
            masked::<0xffff>(len)
        } else {
            len
        }
    }

    #[inline(always)]
    fn ingress_ifindex(&self) -> u32 {
        XdpContext::new(self.ctx).ingress_ifindex() as u32
    }

    #[inline(always)]
    fn bytes<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        let first = self.checked::<N>(at)?;
        // SAFETY: the bytes lie between start and end of the frame, which the kernel keeps for the program's run, and
        // `&self` keeps `bytes_mut` away; a byte array has alignment 1 and no invalid values.
        Some(unsafe { &*(first as *const [u8; N]) })
    }

    #[inline(always)]
    fn bytes_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]> {
        let first = self.checked::<N>(at)?;
        // SAFETY: as in `bytes`; `&mut self` makes this the only reference.
        Some(unsafe { &mut *(first as *mut [u8; N]) })
    }

    #[inline(always)]
    fn grow_head(&mut self, by: usize) -> bool {
        // SAFETY: the context is the program's own; all references into the frame are gone, for this borrows it.
        let failed = unsafe { bpf_xdp_adjust_head(self.ctx, -(by as i32)) } != 0;
        self.reload();
        !failed
    }

    #[inline(always)]
    fn cut_tail(&mut self, len: usize) -> bool {
        let by = len as i32 - self.len() as i32;
        if by > 0 {
            return false;
        }
        // SAFETY: as in `grow_head`.
        let failed = unsafe { bpf_xdp_adjust_tail(self.ctx, by) } != 0;
        self.reload();
        !failed
    }

    #[inline(always)]
    fn sum(&self, at: usize, len: usize) -> Option<u16> {
        if FRAGS {
            sum::of_buffers(self.ctx, at, len)
        } else {
            sum::of_first_buffer(self.start, self.end, at, len)
        }
    }
}
