//! What works only from a kernel on: older ones are tested without, and the README says so.

use super::fetch::numbers;

/// Something that some of the kernels do not have.
#[derive(Debug)]
pub(super) struct Feature {
    /// As the README names it.
    pub(super) name: &'static str,
    /// The first kernel that has it.
    pub(super) since: &'static str,
    /// Parts of the names of tests that cannot pass without it.
    pub(super) tests: &'static [&'static str],
}

pub(super) const FEATURES: [Feature; 3] = [
    Feature {
        // Until then maps count as locked memory (755e5d55367a).
        name: "`attach` without CAP_SYS_RESOURCE or LimitMEMLOCK=infinity",
        since: "5.11",
        tests: &["the_three_capabilities_are_enough_to_attach_and_to_adopt"],
    },
    Feature {
        // BPF_PROG_TEST_RUN takes the interface on which a frame came (ec94670fcb3b).
        name: "nothing of the balancer, only tests that tell the program by which interface a frame came",
        since: "5.15",
        tests: &[
            "a_full_flow_map_is_read_whole",
            "flows_are_read_and_forgotten_only_while_silent",
            "flows_that_go_on_speaking_push_nobody_out_of_a_full_map",
            "the_programs_words_reach_the_log",
            "a_refused_retirement_loses_no_traffic",
            "a_retired_backend_leaves_its_traffic_to_its_service",
            "packets_to_a_vip_go_to_the_slot_owners_mac_and_others_pass",
        ],
    },
    Feature {
        // Programs for frames in several buffers (c2f2cdbeffda), and a veth that has them (7cda76d858a4).
        name: "jumbo frames in native mode, where the driver takes them in several buffers (veth does)",
        since: "5.18",
        tests: &[
            "every_row_holds_in_the_kernel_for_frames_in_several_buffers",
            "jumbo_frames_do_not_keep_the_program_out_of_the_driver",
        ],
    },
];

/// Those that a release lacks.
pub(super) fn lacking(release: &str) -> impl Iterator<Item = &'static Feature> {
    let release = numbers(release);
    FEATURES
        .iter()
        .filter(move |feature| release < numbers(feature.since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_lacks_what_came_after_it() {
        let lacks = |release: &str| lacking(release).any(|feature| feature.since == "5.15");
        assert!(lacks("5.10.0-46-cloud-amd64"));
        assert!(!lacks("5.15.0") && !lacks("6.1.0-56-cloud-amd64"));
    }

    #[test]
    fn no_test_is_left_out_that_does_not_exist() {
        let known = [
            include_str!("../../../tests/tests/fixtures.rs"),
            include_str!("../../../tests/tests/datapath/attach.rs"),
            include_str!("../../../tests/tests/datapath/flows.rs"),
            include_str!("../../../tests/tests/datapath/packet_log.rs"),
            include_str!("../../../tests/tests/datapath/refuse.rs"),
            include_str!("../../../tests/tests/datapath/traffic.rs"),
        ];
        for test in FEATURES.iter().flat_map(|feature| feature.tests) {
            let begins = format!("fn {test}");
            let is_known = known.iter().any(|source| source.contains(&begins));
            assert!(is_known, "{test}");
        }
    }
}
