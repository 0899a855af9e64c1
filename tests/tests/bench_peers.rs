//! `cargo xtask bench --peers` from end to end, in short: everybody works, and is in the table and in the picture.

use std::fs;
use std::process::Command;

use tests::lab::namespace::run;

/// Contenders of a panel, by the panel's title.
const PANELS: [(&str, &[&str]); 3] = [
    (
        "Forwarded packets per second (64 bytes, UDP)",
        &[
            "bare forwarder",
            "sasp-ctl, native dsr",
            "sasp-ctl, native ipip",
            "sasp-ctl, native nat",
            "sasp-ctl, generic dsr",
            "nftables, jhash DNAT",
        ],
    ),
    ("HTTP requests per second, connections kept open", HTTP),
    ("New connections per second, one HTTP request each", HTTP),
];
const HTTP: &[&str] = &[
    "direct",
    "sasp-ctl, native dsr",
    "sasp-ctl, native nat",
    "sasp-ctl, native full-nat",
    "nftables, jhash DNAT",
    "HAProxy, TCP mode",
    "nginx, stream",
];
const WELL_FORMED: &str = "import sys, xml.dom.minidom as m; m.parse(sys.argv[1])";

#[test]
fn everybody_is_measured_and_drawn() {
    let directory = tempfile::tempdir().unwrap();
    let svg = directory.path().join("peers.svg");
    let mut bench = Command::new(env!("CARGO_BIN_EXE_bench"));
    bench.args(["--peers", "--quick", "--svg"]).arg(&svg);
    let table = run(&mut bench).unwrap();
    let picture = fs::read_to_string(&svg).unwrap();
    let panels: Vec<&str> = table.split("\n\n").collect();
    assert_eq!(panels.len(), PANELS.len() + 1, "{table}");
    for (panel, (title, contenders)) in panels.iter().zip(PANELS) {
        let lines: Vec<&str> = panel.lines().collect();
        let [first, head, ref rows @ ..] = lines[..] else {
            panic!("{table}");
        };
        assert_eq!(first, title);
        assert!(picture.contains(title));
        assert!(head.ends_with(&format!("× {}", contenders[0])), "{table}");
        for contender in contenders {
            let row = rows.iter().find_map(|row| row.strip_prefix(contender));
            let figures = row.unwrap_or_else(|| panic!("no {contender}: {table}"));
            let ratio: f64 = figures.split_whitespace().last().unwrap().parse().unwrap();
            assert!(ratio > 0.0, "{contender}: {figures}");
            assert!(picture.contains(contender), "{contender}");
        }
    }
    run(Command::new("python3").args(["-c", WELL_FORMED]).arg(&svg)).unwrap();
}
