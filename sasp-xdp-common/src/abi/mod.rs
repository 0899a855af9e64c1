//! What the kernel program and userspace must agree on: map names, keys, values, counters and limits.
//!
//! Every type here is `repr(C)` with explicit padding and no invalid bit pattern, since the other side wrote the bytes.
//! No decisions here; they are in the modules beside this one.

pub mod backend;
pub mod bench;
pub mod counters;
pub mod flow;
pub mod fragment;
pub mod limits;
pub mod names;
pub mod nat;
pub mod quic;
pub mod service;
pub mod settings;
pub mod slot;
pub mod source;

/// Version of everything in this module; part of the pin directory's name, so that a daemon never adopts maps
/// of another layout. Raise it with every change of a map's name, key, value or meaning.
pub const VERSION: u32 = 3;

/// Declares that a type may cross the map boundary: `repr(C)`, no padding, every bit pattern valid.
macro_rules! crosses_maps {
    ($($name:ty = $size:literal),* $(,)?) => {
        $(
            const _: () = assert!(core::mem::size_of::<$name>() == $size);
            #[cfg(feature = "user")]
            // SAFETY: the type is `repr(C)`, its fields are integers and byte arrays, and the size assertion above
            // equals the sum of the fields' sizes, so there is no padding.
            unsafe impl aya::Pod for $name {}
        )*
    };
}
pub(crate) use crosses_maps;
