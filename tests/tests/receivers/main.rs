//! The kernel's own stack as receiver: whatever form a packet takes on its way to a member, the member's kernel must
//! take the form off and hand what the client sent to a socket that has the VIP, all checksums verified by that
//! kernel and not by us.
//!
//! Tunnel devices are modules, which not every kernel has: `cargo xtask test --kernels` runs these tests on kernels
//! that have them.
//!
//! * [`tunnel`]: the forms, and what takes them off.
//! * [`member`]: a host that receives.
//! * [`outer`]: headers around a packet, made by hand.

mod member;
mod outer;
mod tunnel;

use anyhow::Result;
use tests::fixtures::frame::{FrameBuilder, SYN, tcp, udp};

use crate::member::{Member, client, vip};
use crate::tunnel::{TUNNELS, Tunnel};

const PAYLOAD: &[u8] = b"what the client sent";

#[test]
#[ignore = "takes the kernel's tunnel devices: `cargo xtask test --kernels` has them"]
fn every_tunnel_hands_over_what_was_put_into_it() {
    fail_with(TUNNELS.iter().map(|tunnel| {
        let member = Member::new(tunnel)?;
        member.receive_datagram(&outer::put(tunnel, &datagram(tunnel)), PAYLOAD)?;
        member.receive_syn(&outer::put(tunnel, &syn(tunnel)))
    }));
}

/// Otherwise the test above could not fail.
#[test]
#[ignore = "takes the kernel's tunnel devices: `cargo xtask test --kernels` has them"]
fn no_tunnel_hands_over_a_packet_whose_checksum_is_wrong() {
    fail_with(TUNNELS.iter().map(|tunnel| {
        let member = Member::new(tunnel)?;
        let packet = datagram(tunnel);
        let last = packet.transport_at() + 8 + PAYLOAD.len() - 1;
        let broken = packet.set(last, b"!");
        member.refuse_datagram(&outer::put(tunnel, &broken))
    }));
}

fn datagram(tunnel: &Tunnel) -> FrameBuilder {
    udp(client(tunnel.inner), vip(tunnel.inner)).payload(PAYLOAD)
}

fn syn(tunnel: &Tunnel) -> FrameBuilder {
    tcp(client(tunnel.inner), vip(tunnel.inner), SYN)
}

/// Fails with what every tunnel has to say, if one has.
fn fail_with(results: impl Iterator<Item = Result<()>>) {
    let failures: Vec<_> = TUNNELS
        .iter()
        .zip(results)
        .filter_map(|(tunnel, result)| Some(format!("{tunnel}: {:#}", result.err()?)))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
