//! What the maps take of the kernel's memory, as the kernel says it in `/proc/PID/fdinfo`.
//!
//! Since Linux 6.4 (90a5527d7686) that is what a map has allocated. Until then it is another thing: up to 5.10 what it
//! may come to, which counts against the limit of locked memory when the map is made; afterwards entries × (key + value)
//! for every map, whatever it has. Both count the translations, which take memory only while there are any.

use std::fs;
use std::os::fd::{AsFd, AsRawFd};

use aya::maps::MapData;
use sasp_ctl::datapath::{Sizes, memory, possible_cpus};

use crate::lab::Lab;

/// The most that the default config may take.
const LIMIT: u64 = 64_000_000;

/// The first kernel, major and minor, that says what a map has allocated.
const SAYS_WHAT_IS_TAKEN: (u32, u32) = (6, 4);

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
    if kernel() >= SAYS_WHAT_IS_TAKEN {
        // Every map has a few hundred bytes of its own, and memory comes in pages.
        assert!(
            said.abs_diff(charged) < charged / 50,
            "said {said}, charged {charged}"
        );
    } else {
        // No more can be told.
        assert!(said <= charged, "said {said}, charged {charged}");
    }
    assert!(charged < LIMIT, "{charged}");
}

/// The running kernel's major and minor number.
fn kernel() -> (u32, u32) {
    let name = nix::sys::utsname::uname().unwrap();
    let release = name.release().to_str().unwrap();
    let mut numbers = release.split('.').map(|number| number.parse().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap())
}

/// What the kernel has charged for a map.
fn charged(map: &MapData) -> u64 {
    let fd = map.fd().as_fd().as_raw_fd();
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
    let charged = info.lines().find_map(|line| line.strip_prefix("memlock:"));
    charged.unwrap().trim().parse().unwrap()
}
