//! A balancer by hand that trusts its members and hears of every change at once.

use std::time::Instant;

use crate::client::Client;
use crate::server::{PATIENCE, Server};
use crate::wire::set_lb_state;

const PUSH_AND_TRUST: u8 = 3;

/// Flags of a Weight Entry (RFC 4678 section 5.3).
const QUIESCED: u8 = 2;
const BY_LB: u8 = 4;

/// A member as the GWM shows it: last byte of its address, state byte, whether it is quiesced.
pub(crate) type Shown = (u8, u8, bool);

pub(crate) struct Balancer(Client);

impl Balancer {
    pub(crate) fn of(server: &Server, uid: &str) -> Self {
        let mut client = server.connect();
        assert_eq!(client.code(&set_lb_state(uid, PUSH_AND_TRUST)), 0);
        Self(client)
    }

    /// Waits until the GWM pushes exactly these members, of any groups.
    pub(crate) fn sees(&mut self, members: &[Shown]) {
        let begun = Instant::now();
        let mut seen = Vec::new();
        while begun.elapsed() < PATIENCE {
            let pushed = shown(&self.0.pushed());
            if pushed == members {
                return;
            }
            seen.push(pushed);
        }
        panic!("not {members:?} but {seen:?}");
    }
}

/// The members in Send Weights. Every component tells its own length.
fn shown(body: &[u8]) -> Vec<Shown> {
    let mut members = Vec::new();
    let mut last_byte = 0;
    let mut rest = body;
    while let [high, low, long, short, ..] = *rest {
        let length = usize::from(u16::from_be_bytes([long, short]));
        let (component, after) = rest.split_at(length);
        match u16::from_be_bytes([high, low]) {
            0x3010 => last_byte = component[22],
            0x3012 => {
                let (state, flags) = (component[4], component[5]);
                assert_eq!(flags & BY_LB, 0, "members register themselves here");
                members.push((last_byte, state, flags & QUIESCED != 0));
            }
            _ => {}
        }
        rest = after;
    }
    members
}
