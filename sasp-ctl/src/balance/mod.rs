//! From what the GWM, the config and the operator say to what the maps must hold. Pure: no sockets, clocks, aya.
//!
//! # Layout
//! * [`spec`]: a service as the config wants it.
//! * [`change`]: what must be written into the maps, in which order.

pub mod change;
pub mod spec;
