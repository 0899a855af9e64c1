//! Counters, summed over CPUs.

use sasp_xdp_common::abi::backend::Index;
use sasp_xdp_common::abi::counters::{Reason, Traffic};

/// All counters, read at about the same time: packets go on while they are read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// By backend index; those without traffic are left out.
    pub backends: Vec<(Index, Traffic)>,
    /// What former backends of a service had counted, by service id; those without traffic are left out.
    pub retired: Vec<(u32, Traffic)>,
    /// By reason, all of them, in the order of [`Reason::ALL`].
    pub reasons: Vec<(Reason, u64)>,
}
