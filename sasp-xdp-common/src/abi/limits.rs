//! How much fits: table shape (fixed) and default map sizes (userspace may choose others when it creates the maps).

/// Slots of a service's table. A power of two: the verifier accepts a mask as bound, and any odd Maglev skip is a
/// full permutation.
pub const SLOTS: usize = 1 << 16;

/// Services, unless configured otherwise. 8 bytes each, and 256 KiB for each that exists.
pub const SERVICES: usize = 1024;

/// Backends of all services together, unless configured otherwise. 64 bytes each, and 32 bytes per CPU.
pub const BACKENDS: usize = 4096;

/// Backends never exceed this: a slot names its previous owner with 15 bits.
pub const BACKENDS_MAX: usize = 1 << 15;

/// Flows remembered per address family, unless configured otherwise. They are exceptions only, see [`super::slot`].
pub const FLOWS: usize = 1 << 16;
