use proptest::prelude::*;

use super::*;
use crate::abi::limits::SLOTS;
use crate::abi::service::{Vip4, Vip6};
use crate::abi::slot::slot_of;

const SEED: u64 = 0x5eed;

fn flow4(client: u32, port: u16) -> Flow4 {
    Flow4 {
        client: client.to_be_bytes(),
        vip: Vip4 {
            address: [192, 0, 2, 1],
            port: 80_u16.to_be_bytes(),
            protocol: 6,
            reserved: 0,
        },
        client_port: port.to_be_bytes(),
        reserved: [0; 2],
    }
}

fn flow6(client: u128, port: u16) -> Flow6 {
    Flow6 {
        client: client.to_be_bytes(),
        vip: Vip6 {
            address: 0x2001_0db8_u128.to_be_bytes(),
            port: 80_u16.to_be_bytes(),
            protocol: 6,
            reserved: 0,
        },
        client_port: port.to_be_bytes(),
        reserved: [0; 2],
    }
}

/// Everything of a flow that its hash depends on, as bits that can be flipped.
fn flip4(flow: &Flow4, bit: usize) -> Flow4 {
    let mut flow = *flow;
    let byte = match bit / 8 {
        at @ 0..4 => &mut flow.client[at],
        at @ 4..6 => &mut flow.client_port[at - 4],
        at @ 6..10 => &mut flow.vip.address[at - 6],
        at @ 10..12 => &mut flow.vip.port[at - 10],
        _ => &mut flow.vip.protocol,
    };
    *byte ^= 1 << (bit % 8);
    flow
}
const BITS4: usize = 13 * 8;

fn flip6(flow: &Flow6, bit: usize) -> Flow6 {
    let mut flow = *flow;
    let byte = match bit / 8 {
        at @ 0..16 => &mut flow.client[at],
        at @ 16..18 => &mut flow.client_port[at - 16],
        at @ 18..34 => &mut flow.vip.address[at - 18],
        at @ 34..36 => &mut flow.vip.port[at - 34],
        _ => &mut flow.vip.protocol,
    };
    *byte ^= 1 << (bit % 8);
    flow
}
const BITS6: usize = 37 * 8;

/// Samples from all over the address space, by a Weyl sequence.
fn scattered(sample: u32) -> u128 {
    const STEP: u128 = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835;
    u128::from(sample).wrapping_mul(STEP).rotate_left(64)
}

/// Each of the hash's 16 bits that pick a slot must change in about half of the samples, whichever bit of the input is
/// flipped. `flipped` gives the difference of the hashes.
fn assert_avalanche(bits: usize, flipped: impl Fn(u32, usize) -> u32) {
    let samples = 1000;
    for bit in 0..bits {
        let mut changed = [0_u32; 16];
        for sample in 0..samples {
            let difference = flipped(sample, bit);
            for (at, count) in changed.iter_mut().enumerate() {
                *count += difference >> at & 1;
            }
        }
        for count in changed {
            // Five standard deviations of a fair coin.
            let part = f64::from(count) / f64::from(samples);
            assert!(
                (0.42..0.58).contains(&part),
                "bit {bit}: {count} of {samples}"
            );
        }
    }
}

/// A secret one, and those that a careless operator writes.
const SEEDS: [u64; 4] = [SEED, 0, 1, u64::MAX];

#[test]
fn every_bit_of_an_ipv4_flow_moves_every_bit_of_its_slot() {
    for seed in SEEDS {
        assert_avalanche(BITS4, |sample, bit| {
            let flow = flow4(scattered(sample) as u32, 40_000);
            flow.hash_flow(seed) ^ flip4(&flow, bit).hash_flow(seed)
        });
    }
}

#[test]
fn every_bit_of_an_ipv6_flow_moves_every_bit_of_its_slot() {
    for seed in SEEDS {
        assert_avalanche(BITS6, |sample, bit| {
            let flow = flow6(scattered(sample), 40_000);
            flow.hash_flow(seed) ^ flip6(&flow, bit).hash_flow(seed)
        });
    }
}

#[test]
fn every_bit_of_a_client_moves_every_bit_of_its_slot() {
    for seed in SEEDS {
        assert_avalanche(32, |sample, bit| {
            let flow = flow4(scattered(sample) as u32, 40_000);
            flow.hash_client(seed) ^ flip4(&flow, bit).hash_client(seed)
        });
        assert_avalanche(128, |sample, bit| {
            let flow = flow6(scattered(sample), 40_000);
            flow.hash_client(seed) ^ flip6(&flow, bit).hash_client(seed)
        });
    }
}

#[test]
fn every_bit_of_the_seed_moves_every_bit_of_a_slot() {
    fn assert_seeded<F>(bits: usize, flow: impl Fn(u32) -> F, hash: impl Fn(&F, u64) -> u32) {
        assert_avalanche(bits, |sample, bit| {
            let flow = flow(sample);
            hash(&flow, SEED) ^ hash(&flow, SEED ^ (1 << bit))
        });
    }
    let v4 = |sample| flow4(scattered(sample) as u32, 40_000);
    let v6 = |sample| flow6(scattered(sample), 40_000);
    assert_seeded(64, v4, Flow4::hash_flow);
    // Two multiplications: the seed's highest bits move slots too, but some more often than by chance.
    assert_seeded(48, v4, Flow4::hash_client);
    assert_seeded(64, v6, Flow6::hash_flow);
    assert_seeded(64, v6, Flow6::hash_client);
}

/// Chi-squared over slots, as deviations from what chance gives: 65,536 slots have a mean of 65,535 and a standard
/// deviation of about 362.
fn deviation(hashes: impl Iterator<Item = u32>) -> f64 {
    let mut counts = vec![0_u32; SLOTS];
    let mut total = 0.0;
    for hash in hashes {
        counts[slot_of(hash)] += 1;
        total += 1.0;
    }
    let mean = total / SLOTS as f64;
    let chi: f64 = counts
        .iter()
        .map(|&count| (f64::from(count) - mean).powi(2) / mean)
        .sum();
    (chi - (SLOTS as f64 - 1.0)) / (2.0 * (SLOTS as f64 - 1.0)).sqrt()
}

#[test]
fn flows_spread_over_the_slots_as_chance_would() {
    const FLOWS: u32 = 1 << 19;
    let by_port = (0..FLOWS).map(|n| flow4(0xc633_6400 + (n >> 16), n as u16).hash_flow(SEED));
    let by_address = (0..FLOWS).map(|n| flow4(n, 40_000).hash_flow(SEED));
    let strided = (0..FLOWS).map(|n| flow4(n << 8, 40_000).hash_flow(SEED));
    let clients = (0..FLOWS).map(|n| flow4(n, 1).hash_client(SEED));
    let strided_clients = (0..FLOWS).map(|n| flow4(n << 12, 1).hash_client(SEED));
    let hosts6 = (0..FLOWS).map(|n| flow6(0x2001_0db8 << 96 | u128::from(n), 1).hash_client(SEED));
    let networks6 = (0..FLOWS).map(|n| flow6(u128::from(n) << 64, 1).hash_client(SEED));
    let by_port6 = (0..FLOWS).map(|n| flow6(u128::from(n >> 16), n as u16).hash_flow(SEED));
    for (name, deviation) in [
        ("ports", deviation(by_port)),
        ("addresses", deviation(by_address)),
        ("addresses in steps of 256", deviation(strided)),
        ("clients", deviation(clients)),
        ("clients in steps of 4096", deviation(strided_clients)),
        ("IPv6 clients of a network", deviation(hosts6)),
        ("IPv6 networks", deviation(networks6)),
        ("IPv6 ports", deviation(by_port6)),
    ] {
        assert!(deviation.abs() < 6.0, "{name}: {deviation:.1} deviations");
    }
}

#[test]
fn the_hash_is_what_it_was_in_the_last_release() {
    // Balancers of different versions share flows by ECMP.
    let (v4, v6) = (
        flow4(0xc633_6407, 40_000),
        flow6(0x2001_0db8 << 96 | 7, 40_000),
    );
    assert_eq!(v4.hash_flow(SEED), 0x9197_60bc);
    assert_eq!(v4.hash_client(SEED), 0x7b5f_d2a5);
    assert_eq!(v6.hash_flow(SEED), 0x800a_fa01);
    assert_eq!(v6.hash_client(SEED), 0x8e5a_542b);
}

proptest! {
    #[test]
    fn a_clients_hash_knows_nothing_but_the_client(
        client: u128, port: u16, other: u16, bit4 in 48..BITS4, bit6 in 144..BITS6, seed: u64,
    ) {
        let flow = flow4(client as u32, port);
        let hash = flow.hash_client(seed);
        prop_assert_eq!(hash, flow4(client as u32, other).hash_client(seed));
        prop_assert_eq!(hash, flip4(&flow, bit4).hash_client(seed));
        let flow = flow6(client, port);
        let hash = flow.hash_client(seed);
        prop_assert_eq!(hash, flow6(client, other).hash_client(seed));
        prop_assert_eq!(hash, flip6(&flow, bit6).hash_client(seed));
    }

    #[test]
    fn reserved_bytes_do_not_count(client: u128, port: u16, seed: u64, reserved: [u8; 2]) {
        let flow = flow4(client as u32, port);
        prop_assert_eq!(flow.hash_flow(seed), Flow4 { reserved, ..flow }.hash_flow(seed));
        let flow = flow6(client, port);
        prop_assert_eq!(flow.hash_flow(seed), Flow6 { reserved, ..flow }.hash_flow(seed));
    }
}
