//! The sum of a frame's words, which checksums are made of.

use aya_ebpf::bindings::xdp_md;
use aya_ebpf::helpers::{bpf_csum_diff, bpf_xdp_load_bytes};

use crate::ctx::{AT_MASK, bounded};

/// Bytes that one step takes; a multiple of 4, for `bpf_csum_diff`.
const STEP: usize = 64;
/// Steps to the end of the largest first buffer.
const FIRST_BUFFER: usize = (AT_MASK + 1) / STEP;
/// Steps to the end of the largest IP packet.
const BUFFERS: usize = 0x1_0000 / STEP;

/// Of `len` bytes from `at` of the first buffer, folded; `None` if it ends before.
#[inline(never)]
pub(crate) fn of_first_buffer(start: usize, end: usize, at: usize, len: usize) -> Option<u16> {
    let mut sum = 0;
    let mut at = at;
    let mut left = len;
    for _ in 0..FIRST_BUFFER {
        if left < STEP {
            break;
        }
        let first = start + bounded(at);
        if first + STEP > end {
            return None;
        }
        sum = add(first as *mut u32, sum);
        at += STEP;
        left -= STEP;
    }
    if left >= STEP {
        return None;
    }
    let mut sum = u64::from(sum);
    for _ in 0..STEP / 2 {
        if left < 2 {
            break;
        }
        let first = start + bounded(at);
        if first + 2 > end {
            return None;
        }
        // SAFETY: two bytes from `first` were checked.
        sum += u64::from(unsafe { (first as *const u16).read_unaligned() });
        at += 2;
        left -= 2;
    }
    if left != 0 {
        let first = start + bounded(at);
        if first + 1 > end {
            return None;
        }
        // SAFETY: one byte from `first` was checked.
        let last = unsafe { *(first as *const u8) };
        sum += u64::from(u16::from_ne_bytes([last, 0]));
    }
    Some(fold(sum))
}

/// Of `len` bytes from `at` of a frame in whatever buffers, folded; `None` if it ends before.
#[inline(never)]
pub(crate) fn of_buffers(ctx: *mut xdp_md, at: usize, len: usize) -> Option<u16> {
    let mut sum = 0;
    let mut at = at;
    let mut left = len;
    for _ in 0..BUFFERS {
        if left == 0 {
            break;
        }
        // What a last, short step leaves counts as zero.
        let mut bytes = [0_u32; STEP / 4];
        let take = if left < STEP {
            bounded(left) & (STEP - 1)
        } else {
            STEP
        };
        if take == 0 {
            return None;
        }
        // SAFETY: `take` is at most the size of `bytes`, and the context is the program's own.
        let failed =
            unsafe { bpf_xdp_load_bytes(ctx, at as u32, bytes.as_mut_ptr().cast(), take as u32) };
        if failed != 0 {
            return None;
        }
        sum = add(bytes.as_mut_ptr(), sum);
        at += take;
        left -= take;
    }
    (left == 0).then(|| fold(u64::from(sum)))
}

/// Adds [`STEP`] bytes.
#[inline(always)]
fn add(words: *mut u32, sum: u32) -> u32 {
    // SAFETY: the caller has checked that many bytes, and nothing is read through the null pointer, whose size is 0.
    unsafe { bpf_csum_diff(core::ptr::null_mut(), 0, words, STEP as u32, sum) as u32 }
}

#[inline(always)]
fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}
