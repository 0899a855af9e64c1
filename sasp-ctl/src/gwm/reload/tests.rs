//! Files that are replaced under a running GWM.

use super::*;
use crate::sasp::gwm::Policy;

const RULE: &str =
    "[[weights]]\ngroup = \"G\"\nsource = \"static\"\nmembers = { \"10.0.0.1:80\" = 1 }\n";

struct Bed {
    dir: tempfile::TempDir,
    file: ConfigFile,
    hub: Hub,
}

impl Bed {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gwm.toml");
        std::fs::write(&path, text).unwrap();
        let file = ConfigFile::load(&path).unwrap();
        let hub = Hub::new(file.config());
        Self { dir, file, hub }
    }

    fn write(&self, text: &str) {
        std::fs::write(self.dir.path().join("gwm.toml"), text).unwrap();
    }

    fn policy(&self) -> Policy {
        self.hub.with(|gwm, _| gwm.policy().clone())
    }
}

#[test]
fn a_good_file_is_put_into_force() {
    let mut bed = Bed::new("");
    bed.write(RULE);
    bed.file.reload(&bed.hub, false);
    assert_eq!(bed.policy().weights.len(), 1);
    assert_eq!(bed.file.config().policy, bed.policy());
}

#[test]
fn a_bad_empty_or_missing_file_changes_nothing_and_a_good_one_is_taken_again_afterwards() {
    let mut bed = Bed::new(RULE);
    let before = bed.policy();
    bed.write("interval = 1");
    bed.file.reload(&bed.hub, true);
    assert_eq!(bed.policy(), before);
    std::fs::remove_file(bed.dir.path().join("gwm.toml")).unwrap();
    bed.file.reload(&bed.hub, true);
    assert_eq!(bed.policy(), before);
    for empty in ["", " \n"] {
        bed.write(empty);
        bed.file.reload(&bed.hub, true);
        assert_eq!(bed.policy(), before);
    }
    bed.write("# no rules");
    bed.file.reload(&bed.hub, false);
    assert!(bed.policy().weights.is_empty());
}

#[test]
fn the_difference_names_what_changed() {
    let old = Config::default();
    let mut new = old.clone();
    let difference = |new: &Config| {
        let effect = Reassessed {
            members: 3,
            balancers: 1,
        };
        Difference {
            old: &old,
            new,
            effect,
        }
        .to_string()
    };
    assert_eq!(difference(&new), "nothing changed");
    new.policy.interval = std::time::Duration::from_secs(5);
    new.message_bytes = 4096;
    assert_eq!(difference(&new), "interval 10s → 5s, limits");
    new = config::from_text(Path::new("gwm.toml"), RULE.into()).unwrap();
    assert_eq!(
        difference(&new),
        "weights (0 → 1 rules, 3 registered members weigh differently)"
    );
}

#[test]
fn a_good_file_that_names_bad_tls_files_is_taken_once_they_are_good() {
    let lab = crate::tls::lab::Lab::with_both_sides();
    let path = lab.path("gwm.toml");
    let tls = |name: &str| {
        format!("tls = {{ cert = \"{name}.pem\", key = \"{name}.key\", ca = \"ca.pem\" }}\n")
    };
    std::fs::write(&path, tls("gwm")).unwrap();
    let mut file = ConfigFile::load(&path).unwrap();
    let hub = Hub::new(file.config());
    let mut served = file.tls();
    let first = served.borrow_and_update().clone();

    std::fs::write(&path, tls("next") + RULE).unwrap();
    file.look_again(&hub, false);
    assert!(!served.has_changed().unwrap());
    assert!(hub.with(|gwm, _| gwm.policy().weights.is_empty()));
    lab.issue("next", &["localhost"], |_| {});
    file.look_again(&hub, false);
    assert_ne!(served.borrow_and_update().clone(), first);
    assert_eq!(hub.with(|gwm, _| gwm.policy().weights.len()), 1);

    for without in ["", RULE] {
        std::fs::write(&path, without).unwrap();
        file.look_again(&hub, true);
        assert!(!served.has_changed().unwrap(), "TLS stays on");
        assert_eq!(hub.with(|gwm, _| gwm.policy().weights.len()), 1);
    }
}
