//! The frame as the kernel hands it over. The one place of pointer arithmetic.

use aya_ebpf::helpers::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail};
use aya_ebpf::programs::XdpContext;
use sasp_xdp_common::packet::Packet;

/// The frame of an XDP context.
pub(crate) struct Frame<'a> {
    start: usize,
    end: usize,
    ingress_ifindex: u32,
    ctx: &'a XdpContext,
}

impl<'a> Frame<'a> {
    #[inline(always)]
    pub(crate) fn new(ctx: &'a XdpContext) -> Self {
        Self {
            start: ctx.data(),
            end: ctx.data_end(),
            ingress_ifindex: ctx.ingress_ifindex() as u32,
            ctx,
        }
    }

    /// Address of `N` bytes from `at`, checked in the form that the verifier follows.
    #[inline(always)]
    fn checked<const N: usize>(&self, at: usize) -> Option<usize> {
        let first = self.start + at;
        (first + N <= self.end).then_some(first)
    }
}

impl Packet for Frame<'_> {
    #[inline(always)]
    fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline(always)]
    fn ingress_ifindex(&self) -> u32 {
        self.ingress_ifindex
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
        let failed = unsafe { bpf_xdp_adjust_head(self.ctx.ctx, -(by as i32)) } != 0;
        self.start = self.ctx.data();
        self.end = self.ctx.data_end();
        !failed
    }

    #[inline(always)]
    fn cut_tail(&mut self, len: usize) -> bool {
        let by = len as i32 - self.len() as i32;
        // SAFETY: as in `grow_head`.
        let failed = unsafe { bpf_xdp_adjust_tail(self.ctx.ctx, by) } != 0;
        self.start = self.ctx.data();
        self.end = self.ctx.data_end();
        !failed
    }

    #[inline(always)]
    fn sum(&self, _at: usize, _len: usize) -> Option<u16> {
        None
    }
}
