//! The sum of a frame's words, which checksums are made of.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::{bpf_csum_diff, bpf_xdp_load_bytes};

use crate::ctx::{AT_MASK, masked};
use crate::maps;

/// `bpf_csum_diff` takes whole ones.
const WORD: usize = size_of::<u32>();

/// Bytes that one turn of the loop takes; a multiple of [`WORD`].
const STEP: usize = 256;
/// Turns to the end of the largest first buffer.
const FIRST_BUFFER: usize = (AT_MASK + 1) / STEP;

/// Bytes that one turn takes from a frame in several buffers, by way of a map: as many as `bpf_csum_diff` takes.
pub(crate) const COPY: usize = 512;
/// Turns to the end of the largest IP packet. The verifier walks through all of them.
const BUFFERS: usize = 0x1_0000 / COPY;

/// A sum in the making.
struct Walk {
    start: usize,
    end: usize,
    at: usize,
    left: usize,
    sum: u32,
}

/// Of `len` bytes from `at` of the first buffer, folded; `None` if it ends before.
#[inline(never)]
pub(crate) fn of_first_buffer(start: usize, end: usize, at: usize, len: usize) -> Option<u16> {
    let mut walk = Walk {
        start,
        end,
        at,
        left: len,
        sum: 0,
    };
    for _ in 0..FIRST_BUFFER {
        if walk.left < STEP {
            break;
        }
        walk.step::<STEP>()?;
    }
    if walk.left >= STEP {
        return None;
    }
    walk.step_if::<128>()?;
    walk.step_if::<64>()?;
    walk.step_if::<32>()?;
    walk.step_if::<16>()?;
    walk.step_if::<8>()?;
    walk.step_if::<4>()?;
    let mut sum = u64::from(walk.sum);
    if walk.left & 2 != 0 {
        let first = walk.take::<2>()?;
        // SAFETY: two bytes from `first` were checked.
        sum += u64::from(unsafe { (first as *const u16).read_unaligned() });
    }
    if walk.left & 1 != 0 {
        let first = walk.take::<1>()?;
        // SAFETY: one byte from `first` was checked.
        let last = unsafe { *(first as *const u8) };
        sum += u64::from(u16::from_ne_bytes([last, 0]));
    }
    Some(fold(sum))
}

impl Walk {
    #[inline(always)]
    fn step_if<const N: usize>(&mut self) -> Option<()> {
        if self.left & N != 0 {
            self.step::<N>()?;
        }
        Some(())
    }

    #[inline(always)]
    fn step<const N: usize>(&mut self) -> Option<()> {
        let first = self.take::<N>()?;
        self.sum = add(first as *mut u32, N, self.sum);
        self.left -= N;
        Some(())
    }

    /// Address of the next `N` bytes, checked.
    #[inline(always)]
    fn take<const N: usize>(&mut self) -> Option<usize> {
        let at = unknown(self.at, self.end - self.start);
        let first = self.start + at;
        self.at = at + N;
        (first + N <= self.end).then_some(first)
    }
}

/// The offset, as one of which the verifier knows no more than its bounds. With constants it would walk through every
/// length apart from the others.
#[inline(always)]
fn unknown(at: usize, unknown: usize) -> usize {
    let mut at = at;
    // SAFETY: arithmetic on registers.
    unsafe {
        core::arch::asm!(
            "{at} ^= {unknown}",
            "{at} ^= {unknown}",
            "{at} &= {mask}",
            at = inout(reg) at,
            unknown = in(reg) unknown,
            mask = const AT_MASK,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    at
}

/// Of `len` bytes from `at` of a frame in whatever buffers, folded; `None` if it ends before.
#[inline(never)]
pub(crate) fn of_buffers(ctx: *mut xdp_md, at: usize, len: usize) -> Option<u16> {
    let place = maps::copy()?;
    let mut sum = 0;
    let mut at = at;
    let mut left = len;
    for _ in 0..BUFFERS {
        if left < COPY {
            break;
        }
        load(ctx, at, place, COPY)?;
        sum = add(place.cast(), COPY, sum);
        at += COPY;
        left -= COPY;
    }
    if left >= COPY {
        return None;
    }
    if left != 0 {
        // Linux 6.1 does not learn from the comparison that there is at least one byte.
        let rest = masked::<{ COPY - 1 }>(left - 1) + 1;
        // What the last word has beyond the rest counts as zero.
        let last = masked::<{ COPY - WORD }>(left - 1);
        let words = place.cast::<u32>();
        // SAFETY: the last word that the rest reaches into, at most the last of `COPY` bytes, of this CPU alone.
        unsafe { words.byte_add(last).write(0) };
        load(ctx, at, place, rest)?;
        sum = add(words, last + WORD, sum);
    }
    Some(fold(u64::from(sum)))
}

#[inline(always)]
fn load(ctx: *mut xdp_md, at: usize, to: *mut [u64; COPY / 8], len: usize) -> Option<()> {
    // SAFETY: `len` is at most the size of what `to` points to, and the context is the program's own.
    let failed = unsafe { bpf_xdp_load_bytes(ctx, at as u32, to.cast(), len as u32) };
    (failed == 0).then_some(())
}

/// Adds so many bytes, a multiple of [`WORD`].
#[inline(always)]
fn add(words: *mut u32, len: usize, sum: u32) -> u32 {
    // SAFETY: the caller has checked that many bytes, and nothing is read through the null pointer, whose size is 0.
    unsafe { bpf_csum_diff(core::ptr::null_mut(), 0, words, len as u32, sum) as u32 }
}

#[inline(always)]
fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}
