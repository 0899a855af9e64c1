use super::*;

fn names(releases: &[&str]) -> Vec<String> {
    let name = |release: &&str| format!("linux-image-{release}{FLAVOUR}");
    releases.iter().map(name).collect()
}

#[test]
fn the_newest_release_is_that_with_the_greatest_numbers() {
    let names = names(&[
        "6.12.90+deb13.1",
        "6.12.118+deb13",
        "6.12.90+deb13",
        "6.1.0-56",
    ]);
    let newest = newest(&names, "6.12").unwrap();
    assert_eq!(newest, "linux-image-6.12.118+deb13-cloud-amd64");
}

#[test]
fn a_series_does_not_take_anothers_releases() {
    let names = names(&["6.12.118+deb13", "6.1.0-9", "6.1.0-56", "5.10.0-46"]);
    let found = ["5.10", "6.1", "7"].map(|version| newest(&names, version));
    assert_eq!(
        found,
        [
            Some("linux-image-5.10.0-46-cloud-amd64"),
            Some("linux-image-6.1.0-56-cloud-amd64"),
            None
        ]
    );
}

#[test]
fn a_package_that_only_depends_on_others_is_none() {
    assert_eq!(newest(&names(&["6.12", "6.1"]), "6.12"), None);
}
