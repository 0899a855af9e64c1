//! Which part may know which: the arrows between parts point one way.

use super::{Violation, code};

/// Words that sources in some places may not use.
struct Ban {
    /// Path prefixes.
    places: &'static [&'static str],
    except: &'static [&'static str],
    /// Crates, types or functions.
    words: &'static [&'static str],
    /// Modules of the same crate.
    siblings: &'static [&'static str],
    rule: &'static str,
}

const BANS: [Ban; 2] = [
    Ban {
        places: &[
            "sasp-ctl/src/sasp/",
            "sasp-ctl/src/sasp.rs",
            "sasp-ctl/src/balance/",
            "sasp-ctl/src/balance.rs",
            "sasp-ctl/src/inspect/",
        ],
        except: &["/tests.rs", "/tests/"],
        words: &[
            "aya",
            "tokio",
            "rtnetlink",
            "nix",
            "libc",
            "unsafe",
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "UnixStream",
            "UnixListener",
            "thread",
            "Instant::now",
            "SystemTime",
        ],
        siblings: &["cli", "daemon", "datapath", "gwm", "member", "session"],
        rule: "sasp, balance and inspect are pure: no sockets, clocks, tasks, unsafe, kernel or daemon",
    },
    Ban {
        places: &["sasp-ctl/"],
        except: &["sasp-ctl/src/datapath/", "sasp-ctl/src/datapath.rs"],
        words: &[
            "aya",
            "aya_log",
            "aya_obj",
            "rtnetlink",
            "netlink_sys",
            "netlink_packet_route",
        ],
        siblings: &[],
        rule: "only datapath knows aya and netlink",
    },
];

const OURS: [&str; 5] = ["sasp-ctl", "sasp-xdp", "sasp-xdp-common", "tests", "xtask"];

/// All that the BPF program may depend on.
const BPF_DEPENDENCIES: [&str; 4] = [
    "aya-ebpf",
    "aya-log-ebpf",
    "network-types",
    "sasp-xdp-common",
];

/// `code` is without comments and strings.
pub(super) fn check_source(name: &str, code: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for ban in &BANS {
        let starts = ban.places.iter().any(|place| name.starts_with(place));
        if !starts || ban.except.iter().any(|place| name.contains(place)) {
            continue;
        }
        let words = ban
            .words
            .iter()
            .flat_map(|word| code::words(code, word).map(|at| (at, (*word).to_owned())));
        let siblings = siblings(code).filter(|(_, module)| ban.siblings.contains(module));
        let siblings = siblings.map(|(at, module)| (at, format!("crate::{module}")));
        for (at, what) in words.chain(siblings) {
            let rule = format!("{what}: {}", ban.rule);
            violations.push(Violation::new(name, code::line(code, at), rule));
        }
    }
    violations
}

/// The modules of the same crate that are named, and where: `crate::a` and `crate::{a, b::c}`.
fn siblings(code: &str) -> impl Iterator<Item = (usize, &str)> {
    const ROOT: &str = "crate::";
    code::words(code, "crate").flat_map(|at| {
        let Some(path) = code[at..].strip_prefix(ROOT) else {
            return Vec::new();
        };
        match path.starts_with('{') {
            true => {
                let open = at + ROOT.len();
                top_level_words(code, code::block(code, open).end, open + 1)
            }
            false => vec![(at, first_word(path))],
        }
    })
}

/// The first word of every part of a comma-separated list that is in no inner braces.
fn top_level_words(code: &str, end: usize, start: usize) -> Vec<(usize, &str)> {
    let mut depth = 0;
    let mut expecting = true;
    let mut found = Vec::new();
    for (offset, char) in code[start..end].char_indices() {
        match char {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => expecting = true,
            _ if expecting && code::is_word(char) => {
                found.push((start + offset, first_word(&code[start + offset..])));
                expecting = false;
            }
            _ => {}
        }
    }
    found
}

fn first_word(code: &str) -> &str {
    code.split(|char| !code::is_word(char))
        .next()
        .unwrap_or_default()
}

pub(super) fn check_manifest(name: &str, text: &str) -> Vec<Violation> {
    let ours = |dependency: &str| OURS.contains(&dependency);
    let (allowed, rule): (&dyn Fn(&str) -> bool, _) = match name {
        "sasp-xdp/Cargo.toml" => (
            &|dependency| BPF_DEPENDENCIES.contains(&dependency),
            "the BPF program depends on sasp-xdp-common and its tools only",
        ),
        "sasp-xdp-common/Cargo.toml" => (
            &|dependency| !ours(dependency),
            "sasp-xdp-common depends on nothing of ours",
        ),
        "xtask/Cargo.toml" => (
            &|dependency| !ours(dependency),
            "xtask depends on nothing of ours, so that everything may depend on it",
        ),
        _ => return Vec::new(),
    };
    dependencies(text)
        .into_iter()
        .filter(|(_, dependency)| !allowed(dependency))
        .map(|(line, dependency)| Violation::new(name, line, format!("{dependency}: {rule}")))
        .collect()
}

/// The dependencies of every kind in a manifest, with their lines.
fn dependencies(manifest: &str) -> Vec<(usize, &str)> {
    let mut inside = false;
    let mut found = Vec::new();
    for (number, line) in (1..).zip(manifest.lines()) {
        if let Some(section) = line.strip_prefix('[') {
            let (before, after) = section.split_once("dependencies").unwrap_or((section, ""));
            inside = before != section && after == "]";
            // [dependencies.name]
            if let Some(dependency) = after.strip_prefix('.') {
                found.push((number, dependency.trim_end_matches(']')));
            }
        } else if inside && line.contains('=') && !line.starts_with('#') {
            let end = line.find(['.', ' ', '=']).unwrap_or(line.len());
            found.push((number, line[..end].trim_matches('"')));
        }
    }
    found
}
