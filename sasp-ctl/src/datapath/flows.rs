//! Remembered flows, read and forgotten.

use std::io;

use sasp_xdp_common::abi::flow::FlowEntry;

use super::error::Error;
use super::maps::Maps;
use crate::balance::change::FlowKey;

/// Reads the flows of both families.
pub(super) fn read(maps: &Maps) -> Result<Vec<(FlowKey, FlowEntry)>, Error> {
    let mut flows = Vec::new();
    maps.flows_v4
        .for_each(|flow, entry| flows.push((FlowKey::V4(*flow), entry[0])))
        .and_then(|()| {
            maps.flows_v6
                .for_each(|flow, entry| flows.push((FlowKey::V6(*flow), entry[0])))
        })
        .map_err(Error::map_call("read remembered flows"))?;
    Ok(flows)
}

/// Forgets flows that were last seen at `seen_ns` and have been silent since. One that speaks in the microsecond
/// between the second look and the deletion is forgotten all the same, as if it had spoken after it.
pub(super) fn delete(maps: &mut Maps, flows: &[(FlowKey, u64)]) -> Result<usize, Error> {
    let mut deleted = 0;
    for (flow, seen_ns) in flows {
        deleted += usize::from(
            delete_one(maps, flow, *seen_ns).map_err(Error::map_call("forget a flow"))?,
        );
    }
    Ok(deleted)
}

fn delete_one(maps: &mut Maps, flow: &FlowKey, seen_ns: u64) -> io::Result<bool> {
    let silent = |entry: Option<FlowEntry>| entry.is_some_and(|entry| entry.seen_ns == seen_ns);
    match flow {
        FlowKey::V4(flow) => Ok(silent(maps.flows_v4.get(flow)?) && maps.flows_v4.delete(flow)?),
        FlowKey::V6(flow) => Ok(silent(maps.flows_v6.get(flow)?) && maps.flows_v6.delete(flow)?),
    }
}
