//! Translations of `full-nat`: one entry for each way of a flow, keyed by the packet as it arrives.
//!
//! The way back is claimed first: who inserts its key owns the source address and port that it names, whatever other
//! CPUs do. A forward entry exists only while its way back does and points to it. Either may be reclaimed by the packet
//! path or by userspace once both have been silent for as long as [`timeout_s`] says.

use super::crosses_maps;
use super::flow::{Flow4, Flow6};

macro_rules! entries {
    ($($name:ident, $flow:ty, $doc:literal;)*) => {
        $(
            #[doc = $doc]
            #[repr(C, align(8))]
            #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
            pub struct $name {
                /// The key of the other way. A packet of this way leaves as that key reversed: from its VIP, to its
                /// client.
                pub other: $flow,
                /// The backend, as in [`super::flow::FlowEntry::owner`].
                pub owner: u64,
                /// When a packet last went this way: `CLOCK_MONOTONIC`, nanoseconds.
                pub seen_ns: u64,
                /// What went this way: `SAW_` bits, and [`REPLY`].
                pub state: u32,
                /// [`super::service::Service::idle_s`].
                pub idle_s: u32,
                /// Replies: the interface on which the client's packets come.
                pub ifindex: u32,
                /// Replies: MAC addresses with which they leave, destination first: the client's packets' reversed.
                pub macs: [u8; 12],
            }
        )*
    };
}

entries! {
    NatEntry4, Flow4, "One way of a translated IPv4 flow.";
    NatEntry6, Flow6, "One way of a translated IPv6 flow.";
}

/// In a key's `reserved`: not a translation but the right to reclaim the one whose way back has this key otherwise. Who
/// inserts it may remove that, and then removes it again. One that is older than [`LOCK_MAX_S`] was left behind by
/// somebody who died; only userspace does.
pub const LOCKED: [u8; 2] = [1, 0];

/// Longest that reclaiming takes, in seconds.
pub const LOCK_MAX_S: u64 = 10;

/// In `state`: the way from the member to the client.
pub const REPLY: u32 = 1 << 0;
/// In `state`: a packet other than the opening one has gone this way.
pub const SAW_MORE: u32 = 1 << 1;
/// In `state`: a FIN.
pub const SAW_FIN: u32 = 1 << 2;
/// In `state`: an RST.
pub const SAW_RST: u32 = 1 << 3;

/// What a way's `state` becomes with a packet that was `saw`. A reset that more follows was forged or refused: the flow
/// lives on (RFC 6146 section 3.5.2.2).
#[inline(always)]
pub const fn then(state: u32, saw: u32) -> u32 {
    let goes_on = saw & (SAW_MORE | SAW_RST) == SAW_MORE;
    let state = if goes_on { state & !SAW_RST } else { state };
    state | saw
}

/// A flow that was opened and never answered or never went on, in seconds.
pub const OPENING_S: u32 = 60;
/// A flow that both sides have closed: as long as TIME-WAIT (RFC 9293 section 3.4.2, Linux's figure).
pub const CLOSED_S: u32 = 60;
/// A flow that was reset.
pub const RESET_S: u32 = 10;
/// A flow that was closed by both sides or reset, where sources or entries are scarce: a SYN may take its source then, as
/// hosts let a SYN take a connection out of TIME-WAIT (RFC 1122 section 4.2.2.13, RFC 6191). So long because its last ACK
/// may be under way still, and the FIN be sent again.
pub const REUSED_S: u32 = 2;

/// How long a TCP flow may be silent before its translation is reclaimed, in seconds, from the states of both ways; a
/// flow of another protocol has its idle timeout. `scarce`: there is nothing else to take, see [`REUSED_S`].
#[inline(always)]
pub const fn timeout_s(forward: u32, reply: u32, tcp: bool, idle_s: u32, scarce: bool) -> u32 {
    if !tcp {
        idle_s
    } else if scarce && ((forward | reply) & SAW_RST | forward & reply & SAW_FIN) != 0 {
        REUSED_S
    } else if (forward | reply) & SAW_RST != 0 {
        RESET_S
    } else if forward & reply & SAW_FIN != 0 {
        CLOSED_S
    } else if forward & SAW_MORE == 0 {
        OPENING_S
    } else {
        idle_s
    }
}

crosses_maps! { NatEntry4 = 56, NatEntry6 = 80 }
