//! Which kernels, and what runs on each.

/// A line of kernels, of which the newest release that the distribution has is taken.
#[derive(Debug)]
pub(super) struct Series {
    /// How its versions begin.
    pub(super) version: &'static str,
    /// The distribution's suites that have it.
    pub(super) suites: &'static [&'static str],
}

/// Oldest first. All are claimed to work, so whatever fails on one of them is a failure; the README says so too.
pub(super) const SERIES: [Series; 4] = [
    Series {
        version: "5.10",
        suites: &["bullseye", "bullseye-security"],
    },
    Series {
        version: "6.1",
        suites: &["bookworm", "bookworm-security"],
    },
    Series {
        version: "6.12",
        suites: &["trixie", "trixie-security"],
    },
    Series {
        version: "7",
        suites: &["trixie-backports"],
    },
];

/// What runs in every guest: a test binary of the package `tests`.
#[derive(Debug)]
pub(super) struct Part {
    /// Name of the test binary.
    pub(super) test: &'static str,
    /// What libtest is told.
    pub(super) arguments: &'static [&'static str],
    /// Modules that the kernel needs for it; those of former parts stay loaded.
    pub(super) modules: &'static [&'static str],
}

/// In order.
pub(super) const PARTS: [Part; 3] = [
    Part {
        test: "fixtures",
        // Random packets tell host and kernel apart, not kernels.
        arguments: &["--skip", "nobody_thought_of"],
        modules: &["veth"],
    },
    Part {
        test: "datapath",
        // What these are about, crashes and neighbours, is the daemon's, and they take minutes under emulation.
        arguments: &["--skip", "interrupted::", "--skip", "nexthop::"],
        modules: &["veth", "bridge"],
    },
    Part {
        test: "receivers",
        arguments: &[],
        modules: &[
            "veth",
            "ipip",
            "sit",
            "ip6_tunnel",
            "ip_gre",
            "ip6_gre",
            "fou",
            "fou6",
        ],
    },
];
