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

pub(super) const FEATURES: [Feature; 1] = [Feature {
    // BPF_PROG_TEST_RUN takes the interface on which a frame came (ec94670fcb3b).
    name: "`trace`",
    since: "5.15",
    tests: &[],
}];

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
}
