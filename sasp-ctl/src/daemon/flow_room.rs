//! How full the tables of remembered flows are. The kernel makes room in a full one by forgetting the flow that was
//! silent for longest, and tells nobody: so we warn before.

use crate::balance::change::FlowKey;

/// From this part of the limit on, in percent, we warn.
const NEARLY_FULL: u64 = 90;
/// Below this part, the next time is a new episode.
const ROOMY: u64 = 75;

/// What the last sweep left, by family.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub(super) struct FlowRoom {
    /// Flows of IPv4.
    pub(super) v4: u64,
    /// Flows of IPv6.
    pub(super) v6: u64,
    /// As many may be remembered of each family.
    pub(super) limit: u64,
    warned: bool,
}

impl FlowRoom {
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// Takes in what a sweep has found and what it forgets; true if it is time to warn.
    pub(super) fn swept<'a>(
        &mut self,
        found: impl IntoIterator<Item = &'a FlowKey>,
        forgotten: impl IntoIterator<Item = &'a FlowKey>,
    ) -> bool {
        let (found, forgotten) = (by_family(found), by_family(forgotten));
        self.v4 = found.0.saturating_sub(forgotten.0);
        self.v6 = found.1.saturating_sub(forgotten.1);
        let most = self.v4.max(self.v6) * 100;
        let warn = most > self.limit * NEARLY_FULL && !self.warned;
        self.warned = most >= self.limit * ROOMY && (self.warned || warn);
        warn
    }
}

fn by_family<'a>(flows: impl IntoIterator<Item = &'a FlowKey>) -> (u64, u64) {
    flows.into_iter().fold((0, 0), |(v4, v6), flow| match flow {
        FlowKey::V4(_) => (v4 + 1, v6),
        FlowKey::V6(_) => (v4, v6 + 1),
    })
}

#[cfg(test)]
mod tests {
    use sasp_xdp_common::abi::flow::{Flow4, Flow6};

    use super::*;

    #[test]
    fn each_episode_of_a_nearly_full_table_is_told_once() {
        let mut room = FlowRoom::new(10);
        let flow = FlowKey::V4(Flow4::default());
        for (found, warns) in [
            (9, false),
            (10, true),
            (10, false),
            (8, false),
            (10, false),
            (7, false),
            (10, true),
        ] {
            assert_eq!(room.swept(&vec![flow; found], []), warns, "{found}");
        }
    }

    #[test]
    fn a_family_has_its_own_table_and_what_is_forgotten_makes_room() {
        let mut room = FlowRoom::new(10);
        let (v4, v6) = (FlowKey::V4(Flow4::default()), FlowKey::V6(Flow6::default()));
        let found = [vec![v4; 9], vec![v6; 10]].concat();
        assert!(!room.swept(&found, &[v6]));
        assert_eq!((room.v4, room.v6), (9, 9));
        assert!(room.swept(&found, &[v4]));
    }
}
