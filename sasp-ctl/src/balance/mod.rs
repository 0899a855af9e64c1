//! From what the GWM, the config and the operator say to what the maps must hold. Pure: no sockets, clocks, aya.
//!
//! # Layout
//! * [`spec`]: a service as the config wants it.
//! * [`inputs`]: what the GWM says, where members are.
//! * [`hear`]: which of the GWM's words count.
//! * [`self_registered`]: which members that the config does not know are taken in.
//! * [`effective`]: from words to weights (RFC 4678 section 5.3).
//! * [`slow_start`]: how much of its weight a member that comes back has yet.
//! * [`dead_band`]: which new weights are not worth it.
//! * [`maglev`]: from weights to owners of slots.
//! * [`move_limit`]: how many slots new weights move at a time.
//! * [`slots`]: the life cycle of slots.
//! * [`model`]: the state that all of these work on.
//! * [`lookups`]: what the packet path looks up beside tables and backends.
//! * [`translations`]: which translations of `full-nat` are over.
//! * [`change`]: what must be written into the maps, in which order.
#![forbid(unsafe_code)]

pub mod change;
pub mod dead_band;
pub mod effective;
pub mod hear;
pub mod inputs;
pub mod lookups;
pub mod maglev;
pub mod model;
pub mod move_limit;
pub mod self_registered;
pub mod slots;
pub mod slow_start;
pub mod spec;
pub mod translations;

#[cfg(test)]
mod tests;
