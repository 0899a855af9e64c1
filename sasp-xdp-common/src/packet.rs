//! Access to a frame. The bounds check is in the type: whoever holds a `&[u8; N]` has had it checked.
//!
//! No pointers here; the kernel's implementation is the one place of pointer arithmetic.

/// A frame, from its Ethernet header on.
///
/// References into the frame borrow it, so that none can outlive a change of its size: the verifier's rule that all
/// packet pointers are invalid after such a change, stated as a lifetime.
pub trait Packet {
    /// Length of the frame in bytes.
    fn len(&self) -> usize;

    /// The interface on which it came.
    fn ingress_ifindex(&self) -> u32;

    /// `N` bytes from offset `at`; `None` if the frame ends before.
    fn bytes<const N: usize>(&self, at: usize) -> Option<&[u8; N]>;

    /// The same, to write.
    fn bytes_mut<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]>;

    /// True for a frame without a byte.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A frame in memory, for the host.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The bytes, from the Ethernet header on.
    pub bytes: &'a mut [u8],
    /// The interface on which it came.
    pub ingress_ifindex: u32,
}

impl Packet for Frame<'_> {
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
}
