//! Access to a frame. The bounds check is in the type: whoever holds a `&[u8; N]` has had it checked.
//!
//! No pointers here; the kernel's implementation is the one place of pointer arithmetic.

/// A frame, from its Ethernet header on.
///
/// References into the frame borrow it, so that none can outlive a change of its size: the verifier's rule that all
/// packet pointers are invalid after such a change, stated as a lifetime.
pub trait Packet {
    /// Length of the frame in bytes, whether or not all of it can be reached by [`Self::bytes`]: drivers may hand over
    /// the rest of a large frame in further buffers.
    fn len(&self) -> usize;

    /// The interface on which it came.
    fn ingress_ifindex(&self) -> u32;

    /// `N` bytes from offset `at`; `None` if the frame ends before.
    fn bytes<const N: usize>(&self, at: usize) -> Option<&[u8; N]>;

    /// The same, to write.
    fn bytes_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]>;

    /// Makes room for `by` bytes in front of the frame; their content is undefined. False, and nothing is changed, if
    /// there is none.
    fn grow_head(&mut self, by: usize) -> bool;

    /// Cuts the frame to `len` bytes from its start; false, and nothing is changed, if that cannot be done.
    fn cut_tail(&mut self, len: usize) -> bool;

    /// Sum of the 16-bit words (in memory order, an odd last byte padded with zero) of `len` bytes from `at`, folded
    /// to 16 bits, not complemented; `None` if they cannot all be read. Slow: it looks at every byte.
    fn sum(&self, at: usize, len: usize) -> Option<u16>;

    /// True for a frame without a byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A frame in memory, for the host.
#[cfg(any(test, feature = "user"))]
#[derive(Clone, Debug)]
pub struct Frame {
    /// The bytes, from the Ethernet header on.
    pub bytes: Vec<u8>,
    /// The interface on which it came.
    pub ingress_ifindex: u32,
}

#[cfg(any(test, feature = "user"))]
impl Packet for Frame {
    fn len(&self) -> usize {
        self.bytes.len()
    }

    fn ingress_ifindex(&self) -> u32 {
        self.ingress_ifindex
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        self.bytes.get(at..)?.first_chunk()
    }

    fn bytes_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]> {
        self.bytes.get_mut(at..)?.first_chunk_mut()
    }

    fn grow_head(&mut self, by: usize) -> bool {
        self.bytes.splice(..0, std::iter::repeat_n(0, by));
        true
    }

    fn cut_tail(&mut self, len: usize) -> bool {
        // As the kernel: a frame keeps its Ethernet header at least.
        let fits = (14..=self.bytes.len()).contains(&len);
        if fits {
            self.bytes.truncate(len);
        }
        fits
    }

    fn sum(&self, at: usize, len: usize) -> Option<u16> {
        let bytes = self.bytes.get(at..at.checked_add(len)?)?;
        let words = bytes.chunks(2).map(|word| {
            let pair = [word[0], word.get(1).copied().unwrap_or(0)];
            u64::from(u16::from_ne_bytes(pair))
        });
        let mut sum: u64 = words.sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        Some(sum as u16)
    }
}
