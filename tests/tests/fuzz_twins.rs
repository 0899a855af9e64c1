//! Every fuzz target for a while: with what is valid, with broken pieces of it, and with noise.

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tests::fuzz::{TARGETS, seeds};

/// Inputs a target, of each kind: some seconds for the slowest, which are the config files.
const CASES: u32 = 1_500;

/// How a seed is broken.
#[derive(Clone, Debug)]
enum Harm {
    Flip(usize, u8),
    Set(usize, u8),
    Cut(usize),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    /// The rest is that of another seed.
    Splice(usize, usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        4 => any::<(usize, u8)>().prop_map(|(at, bit)| Harm::Flip(at, bit)),
        3 => any::<(usize, u8)>().prop_map(|(at, byte)| Harm::Set(at, byte)),
        1 => any::<usize>().prop_map(Harm::Cut),
        2 => (any::<usize>(), 1..20_usize).prop_map(|(at, count)| Harm::Remove(at, count)),
        2 => (any::<usize>(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Harm::Insert(at, bytes)),
        2 => any::<(usize, usize)>().prop_map(|(at, other)| Harm::Splice(at, other)),
    ]
}

fn broken(mut input: Vec<u8>, harms: &[Harm], seeds: &[Vec<u8>]) -> Vec<u8> {
    for harm in harms {
        let within = |at: &usize, input: &[u8]| at % (input.len() + 1);
        match harm {
            Harm::Flip(at, bit) => {
                let at = within(at, &input);
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Harm::Set(at, value) => {
                let at = within(at, &input);
                if let Some(byte) = input.get_mut(at) {
                    *byte = *value;
                }
            }
            Harm::Cut(at) => input.truncate(within(at, &input)),
            Harm::Remove(at, count) => {
                let at = within(at, &input);
                input.drain(at..input.len().min(at + count));
            }
            Harm::Insert(at, bytes) => {
                let at = within(at, &input);
                input.splice(at..at, bytes.iter().copied());
            }
            Harm::Splice(at, other) => {
                let at = within(at, &input);
                let other = &seeds[other % seeds.len()];
                input.truncate(at);
                input.extend(other.get(at..).unwrap_or_default());
            }
        }
    }
    input
}

fn run(target: &str) {
    let (_, body) = TARGETS
        .into_iter()
        .find(|(name, _)| *name == target)
        .expect("a target");
    let seeds = seeds::of(target);
    seeds.iter().for_each(|seed| body(seed));
    let mut runner = TestRunner::new(Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    });
    let noise = prop::collection::vec(any::<u8>(), 0..800);
    runner
        .run(&noise, |input| {
            body(&input);
            Ok(())
        })
        .unwrap();
    let harms = prop::collection::vec(harm(), 1..6);
    runner
        .run(&(0..seeds.len(), harms), |(seed, harms)| {
            body(&broken(seeds[seed].clone(), &harms, &seeds));
            Ok(())
        })
        .unwrap();
}

#[test]
fn messages_decode_consistently_or_not_at_all() {
    run("codec");
}

#[test]
fn frames_do_not_depend_on_how_a_stream_was_cut() {
    run("deframer");
}

#[test]
fn every_byte_of_a_stream_is_shown_once() {
    run("inspect");
}

#[test]
fn the_balancers_machine_survives_anything() {
    run("client_machine");
}

#[test]
fn the_gwms_machine_survives_anything() {
    run("gwm_machine");
}

#[test]
fn the_balancers_config_is_taken_or_refused_in_a_line() {
    run("attach_config");
}

#[test]
fn the_gwms_config_is_taken_or_refused_in_a_line() {
    run("gwm_config");
}

#[test]
fn the_members_machine_survives_anything() {
    run("member_machine");
}

#[test]
fn every_byte_of_a_captured_stream_is_shown_or_skipped_aloud() {
    run("inspect");
}

#[test]
fn what_agents_prometheus_and_files_say_is_taken_or_refused_in_a_line() {
    ["agent_line", "prometheus_answer", "weights_file"]
        .into_iter()
        .for_each(run);
}

#[test]
fn what_is_called_valid_is() {
    for seed in seeds::of("codec") {
        sasp_ctl::sasp::codec::decode(&seed).unwrap();
    }
    let flags = sasp_ctl::config::Flags::default();
    for seed in seeds::of("attach_config") {
        let text = String::from_utf8(seed).unwrap();
        sasp_ctl::config::from_text("seed".as_ref(), text, &flags).unwrap();
    }
    for seed in seeds::of("gwm_config") {
        let text = String::from_utf8(seed).unwrap();
        sasp_ctl::gwm::config::from_text("seed".as_ref(), text).unwrap();
    }
}

#[test]
fn no_target_is_left_out_here_or_in_the_fuzzers_package() {
    let tested = [
        "codec",
        "deframer",
        "client_machine",
        "gwm_machine",
        "attach_config",
        "gwm_config",
        "member_machine",
        "inspect",
        "agent_line",
        "prometheus_answer",
        "weights_file",
    ];
    assert_eq!(TARGETS.map(|(name, _)| name), tested);
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(package.join("Cargo.toml")).unwrap();
    for name in tested {
        let body = package.join(format!("fuzz_targets/{name}.rs"));
        let body = std::fs::read_to_string(body).unwrap();
        assert!(
            body.contains(&format!("tests::fuzz::{name}(data)")),
            "{name}"
        );
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
