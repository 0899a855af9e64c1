//! The kernel's own stack as receiver: whatever form a packet takes on its way to a member, the member's kernel must
//! take the form off and hand what the client sent to a socket that has the VIP, all checksums verified by that
//! kernel and not by us. So must the client's kernel take the answers.
//!
//! Tunnel devices are modules, which not every kernel has: the feature `tunnel-devices` brings the tests that need them,
//! and `cargo xtask test --kernels` runs those on kernels that have them.
//!
//! * [`form`]: the forms. [`readme`]: what takes them off.
//! * [`host`]: a host that receives: [`member`] or [`client`].
//! * [`balancer`]: the BPF program, which sends. [`outer`], [`icmp`]: what is made by hand.

mod balancer;
mod client;
mod form;
mod host;
mod icmp;
mod member;
#[cfg(feature = "tunnel-devices")]
mod outer;
mod readme;

use anyhow::{Context as _, Result};
use tests::fixtures::frame::{ACK, FrameBuilder, SYN, tcp, udp};

use crate::balancer::{Balancer, seen_by_member};
use crate::client::Client;
use crate::form::{Family, Form, PLAIN, Shim, TUNNELS};
use crate::host::{client, vip};
use crate::member::Member;

/// What clients send: lengths odd and even, none, and as long as fits into every form at an MTU of 1500.
const LENGTHS: [usize; 4] = [0, 25, 512, 1400];
/// A path's MTU, for either family.
const MTU: u16 = 1300;

#[test]
fn the_kernel_takes_what_the_balancer_sends_without_a_tunnel() {
    send_every_form(&PLAIN);
}

#[cfg(feature = "tunnel-devices")]
#[test]
fn the_kernel_takes_off_every_tunnel_that_the_balancer_emits() {
    send_every_form(&TUNNELS);
}

fn send_every_form(forms: &[Form]) {
    let mut balancer = Balancer::new().unwrap();
    fail_with(forms, |form| {
        let member = Member::new(form)?;
        balancer.balance(form, 0)?;
        for (what, packet, payload) in datagrams(form) {
            let frame = balancer.put(&packet.build()).context(what.clone())?;
            member.receive_datagram(&frame, &payload).context(what)?;
        }
        member.receive_syn(&balancer.put(&syn(form).build())?)
    });
}

/// If the tests above fail and this does not, it is the balancer's fault.
#[cfg(feature = "tunnel-devices")]
#[test]
fn the_kernel_takes_off_every_tunnel_that_is_made_by_hand() {
    fail_with(&TUNNELS, |form| {
        let member = Member::new(form)?;
        for (what, packet, payload) in datagrams(form) {
            let frame = outer::put(form, &packet);
            member.receive_datagram(&frame, &payload).context(what)?;
        }
        member.receive_syn(&outer::put(form, &syn(form)))
    });
}

/// Otherwise the tests above could not fail.
#[cfg(feature = "tunnel-devices")]
#[test]
fn the_kernel_hands_over_nothing_from_a_tunnel_whose_checksum_is_wrong() {
    refuse_every_form(&TUNNELS);
}

#[test]
fn the_kernel_hands_over_nothing_whose_checksum_is_wrong() {
    refuse_every_form(&PLAIN);
}

/// The balancer repairs nothing on its way.
fn refuse_every_form(forms: &[Form]) {
    let mut balancer = Balancer::new().unwrap();
    fail_with(forms, |form| {
        balancer.balance(form, 0)?;
        let packet = datagram(form, &payload(32));
        let checksum = packet.transport_at() + 6;
        let broken = packet.set(checksum, &[0xba, 0xad]);
        Member::new(form)?.refuse_datagram(&balancer.put(&broken.build())?)
    });
}

#[test]
fn a_client_takes_translated_replies_for_the_vips() {
    let mut balancer = Balancer::new().unwrap();
    for_each_translation(|form| {
        let host = Client::new(form.inner)?;
        balancer.balance(form, 0)?;
        let to = seen_by_member(form, client(form.inner));
        for length in LENGTHS {
            balancer.put(&datagram(form, b"a question").build())?;
            let answer = payload(length);
            let reply = udp(form.receiver(), to).payload(&*answer).build();
            host.receive_datagram(&balancer.put(&reply)?, &answer)?;
        }
        balancer.put(&syn(form).build())?;
        let reply = tcp(form.receiver(), to, SYN | ACK).build();
        host.reset(&balancer.put(&reply)?)
    });
}

#[test]
fn both_ends_of_a_translation_take_icmp_errors_about_their_packets() {
    let mut balancer = Balancer::new().unwrap();
    for_each_translation(|form| {
        let (own, vip, receiver) = (client(form.inner), vip(form.inner), form.receiver());
        let to = seen_by_member(form, own);
        balancer.balance(form, 0)?;
        let arrived = balancer.put(&datagram(form, b"a question").build())?;
        let refusal = icmp::closed_port(receiver.ip(), to.ip(), &arrived);
        Client::new(form.inner)?.hear_of_a_closed_port(&balancer.put(&refusal)?)?;

        let reply = udp(receiver, to).payload(*b"an answer").build();
        let arrived = balancer.put(&reply)?;
        let refusal = icmp::closed_port(own.ip(), vip.ip(), &arrived);
        Member::new(form)?.hear_of_a_closed_port(to, &balancer.put(&refusal)?)
    });
}

#[test]
fn a_client_believes_that_a_packet_is_too_big_for_the_way_to_its_member() {
    let mut balancer = Balancer::new().unwrap();
    fail_with(&TUNNELS, |form| {
        balancer.balance(form, MTU)?;
        let packet = datagram(form, &payload(1400)).build();
        Client::new(form.inner)?.learn_mtu(&balancer.put(&packet)?, MTU)
    });
}

#[test]
fn a_client_that_pings_the_vip_takes_the_balancers_answer() {
    let mut balancer = Balancer::new().unwrap();
    fail_with(&PLAIN, |form| {
        balancer.balance(form, 0)?;
        let (own, vip) = (client(form.inner).ip(), vip(form.inner).ip());
        for length in LENGTHS {
            let (id, data) = (4242, payload(length));
            let request = icmp::echo_request(own, vip, id, &data);
            Client::new(form.inner)?.hear_echo(&balancer.put(&request)?, id, &data)?;
        }
        Ok(())
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

fn for_each_translation(check: impl FnMut(&Form) -> Result<()>) {
    let is_one = |form: &Form| matches!(form.shim, Shim::Nat | Shim::FullNat);
    fail_with(PLAIN.iter().filter(|form| is_one(form)), check);
}

/// Fails with what every form has to say, if one has.
fn fail_with<'a>(
    forms: impl IntoIterator<Item = &'a Form>,
    mut check: impl FnMut(&Form) -> Result<()>,
) {
    let failures: Vec<_> = forms
        .into_iter()
        .filter_map(|form| Some(format!("{form}: {:#}", check(form).err()?)))
        .collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
