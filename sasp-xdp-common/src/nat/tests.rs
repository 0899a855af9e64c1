//! Packets as they should be are built from scratch by another's hand (etherparse), and compared byte for byte.

mod errors;
mod flows;
mod interleavings;
mod packets;
mod round_trip;
mod sources;
mod wire;
