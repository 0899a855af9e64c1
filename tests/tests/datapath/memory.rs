//! What the maps take of the kernel's memory.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};

use aya::maps::MapData;
use sasp_ctl::datapath::{Sizes, memory, possible_cpus};

use crate::lab::Lab;

/// The most that the default config may take.
const LIMIT: u64 = 64_000_000;

#[test]
fn the_default_maps_take_what_check_config_says_and_less_than_64_mb() {
    let lab = Lab::new();
    let mut options = lab.options();
    options.sizes = Sizes::default();
    drop(lab.try_attach(&options).unwrap());
    let names = fs::read_dir(lab.current()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let charged: u64 = names
        .filter(|name| !name.starts_with("link_"))
        .map(|name| charged(&MapData::from_pin(lab.current().join(name)).unwrap()))
        .sum();
    let said = memory(&options.sizes, 0, 0, possible_cpus().unwrap()).taken();
    // Every map has a few hundred bytes of its own, and memory comes in pages.
    assert!(
        said.abs_diff(charged) < charged / 50,
        "said {said}, charged {charged}"
    );
    assert!(charged < LIMIT, "{charged}");
}

/// What the kernel has charged for a map.
fn charged(map: &MapData) -> u64 {
    let fd = map.fd().as_fd().as_raw_fd();
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
    let charged = info.lines().find_map(|line| line.strip_prefix("memlock:"));
    charged.unwrap().trim().parse().unwrap()
}
