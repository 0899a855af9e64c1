//! From what the GWM, the config and the operator say to what the maps must hold. Pure: no sockets, clocks, aya.
//!
//! # Layout
//! * [`spec`]: a service as the config wants it.
//! * [`inputs`]: what the GWM says, where members are.
//! * [`change`]: what must be written into the maps, in which order.
//! * [`model`]: the state between them.
#![forbid(unsafe_code)]

pub mod change;
pub mod inputs;
pub mod model;
pub mod spec;
