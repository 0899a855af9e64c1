//! Counters, summed over CPUs.

use std::io;

use sasp_xdp_common::abi::backend::Index;
use sasp_xdp_common::abi::counters::{Reason, Traffic};

use super::error::Error;
use super::maps::Maps;

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

impl Counters {
    pub(super) fn read(maps: &Maps) -> Result<Self, Error> {
        let mut counters = Self::default();
        counters
            .read_all(maps)
            .map_err(Error::map_call("read counters"))?;
        Ok(counters)
    }

    fn read_all(&mut self, maps: &Maps) -> io::Result<()> {
        maps.traffic.for_each(|&index, by_cpu| {
            let traffic = sum(by_cpu);
            if traffic != Traffic::default() {
                self.backends.push((index as Index, traffic));
            }
        })?;
        maps.retired.for_each(|&service, traffic| {
            if traffic[0] != Traffic::default() {
                self.retired.push((service, traffic[0]));
            }
        })?;
        let mut by_index = Vec::new();
        maps.reasons
            .for_each(|_, by_cpu| by_index.push(by_cpu.iter().sum::<u64>()))?;
        self.reasons = Reason::ALL.iter().copied().zip(by_index).collect();
        Ok(())
    }
}

/// One reason's counter.
pub(super) fn counted(maps: &Maps, reason: Reason) -> Result<u64, Error> {
    let by_cpu = maps.reasons.lanes(&(reason as u32));
    let by_cpu = by_cpu.map_err(Error::map_call("read a counter"))?;
    Ok(by_cpu.unwrap_or_default().iter().sum())
}

/// The sum of traffic of several CPUs or backends. Counters wrap, as the kernel's do.
pub(super) fn sum(parts: &[Traffic]) -> Traffic {
    parts.iter().fold(Traffic::default(), |sum, part| Traffic {
        packets: sum.packets.wrapping_add(part.packets),
        bytes: sum.bytes.wrapping_add(part.bytes),
        opened: sum.opened.wrapping_add(part.opened),
        reserved: 0,
    })
}
