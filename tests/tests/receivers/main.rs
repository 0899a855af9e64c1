//! The kernel's own stack as receiver: whatever form a packet takes on its way to a member, the member's kernel must
//! take the form off and hand what the client sent to a socket that has the VIP, all checksums verified by that
//! kernel and not by us.
//!
//! Tunnel devices are modules, which not every kernel has: `cargo xtask test --kernels` runs these tests on kernels
//! that have them.
//!
//! * [`form`]: the forms, and what takes them off.
//! * [`member`]: a host that receives.
//! * [`balancer`]: the BPF program, which sends. [`outer`]: the same forms made by hand.

mod balancer;
mod form;
mod member;
mod outer;

use anyhow::{Context as _, Result};
use tests::fixtures::frame::{FrameBuilder, SYN, tcp, udp};

use crate::balancer::Balancer;
use crate::form::{FORMS, Family, Form};
use crate::member::{Member, client, vip};

/// What clients send: lengths odd and even, none, and as long as fits into every form at an MTU of 1500.
const LENGTHS: [usize; 4] = [0, 25, 512, 1400];

#[test]
#[ignore = "takes the kernel's tunnel devices: `cargo xtask test --kernels` has them"]
fn the_kernel_takes_off_every_form_that_the_balancer_emits() {
    let mut balancer = Balancer::new().unwrap();
    fail_with(|form| {
        let member = Member::new(form)?;
        for (what, packet, payload) in datagrams(form) {
            let frame = balancer.put(form, &packet)?;
            member.receive_datagram(&frame, &payload).context(what)?;
        }
        member.receive_syn(&balancer.put(form, &syn(form))?)
    });
}

/// If the test above fails and this does not, it is the balancer's fault.
#[test]
#[ignore = "takes the kernel's tunnel devices: `cargo xtask test --kernels` has them"]
fn the_kernel_takes_off_every_form_that_is_made_by_hand() {
    fail_with(|form| {
        let member = Member::new(form)?;
        for (what, packet, payload) in datagrams(form) {
            let frame = outer::put(form, &packet);
            member.receive_datagram(&frame, &payload).context(what)?;
        }
        member.receive_syn(&outer::put(form, &syn(form)))
    });
}

/// Otherwise the tests above could not fail.
#[test]
#[ignore = "takes the kernel's tunnel devices: `cargo xtask test --kernels` has them"]
fn the_kernel_hands_over_nothing_whose_checksum_is_wrong() {
    fail_with(|form| {
        let packet = datagram(form, &payload(32));
        let checksum = packet.transport_at() + 6;
        let broken = packet.set(checksum, &[0xba, 0xad]);
        Member::new(form)?.refuse_datagram(&outer::put(form, &broken))
    });
}

/// Name, packet and payload.
fn datagrams(form: &Form) -> Vec<(String, FrameBuilder, Vec<u8>)> {
    let of_length = |length| {
        let payload = payload(length);
        let packet = datagram(form, &payload);
        (format!("{length} bytes"), packet, payload)
    };
    let mut all: Vec<_> = LENGTHS.into_iter().map(of_length).collect();
    if form.inner == Family::V4 {
        let payload = payload(33);
        let packet = datagram(form, &payload);
        let checksum = packet.transport_at() + 6;
        let packet = packet.set(checksum, &[0, 0]);
        all.push(("without a checksum".to_owned(), packet, payload));
    }
    all
}

fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|byte| byte as u8).collect()
}

fn datagram(form: &Form, payload: &[u8]) -> FrameBuilder {
    udp(client(form.inner), vip(form.inner)).payload(payload)
}

fn syn(form: &Form) -> FrameBuilder {
    tcp(client(form.inner), vip(form.inner), SYN)
}

/// Fails with what every form has to say, if one has.
fn fail_with(mut check: impl FnMut(&Form) -> Result<()>) {
    let failures: Vec<_> = FORMS
        .iter()
        .filter_map(|form| Some(format!("{form}: {:#}", check(form).err()?)))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
