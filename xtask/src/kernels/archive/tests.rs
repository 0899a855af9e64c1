use super::*;

fn debian() -> Vec<Mirror> {
    let lines = [
        "Debian\thttp://mirror.test/debian/\tbookworm\tDebian",
        "Debian\thttp://mirror.test/debian-security/\tbookworm-security\tDebian-Security",
        "Somebody\thttp://elsewhere.test/\tstable\tSomebody",
    ];
    lines.into_iter().filter_map(mirror).collect()
}

#[test]
fn other_suites_come_from_where_the_systems_come() {
    let sources = sources(&debian(), &["bullseye", "bullseye-security"], Some("/keys")).unwrap();
    assert_eq!(
        sources,
        "deb [signed-by=/keys] http://mirror.test/debian/ bullseye main\n\
         deb [signed-by=/keys] http://mirror.test/debian-security/ bullseye-security main\n"
    );
}

#[test]
fn a_machine_without_security_updates_gets_kernels_without() {
    let sources = sources(&debian()[..1], &["trixie", "trixie-security"], None).unwrap();
    assert_eq!(sources, "deb http://mirror.test/debian/ trixie main\n");
}

#[test]
fn archives_of_others_are_not_asked() {
    let others = [mirror("Somebody\thttp://elsewhere.test/\tstable\tSomebody")];
    assert_eq!(others, [None]);
    assert!(sources(&[], &["trixie"], None).is_err());
}
