//! Files that are missing, wrong, or worth a word.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use rcgen::date_time_ymd;

use super::*;

#[test]
fn files_that_are_of_no_use_are_refused_with_their_name_and_advice() {
    let lab = Lab::with_both_sides();
    lab.issue("other", &[], |_| {});
    let key = fs::read_to_string(lab.path("gwm.key")).unwrap();
    fs::write(lab.path("empty"), "").unwrap();
    fs::write(lab.path("binary"), [0x30, 0x82, 0xff]).unwrap();
    fs::write(lab.path("torn"), "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
    fs::write(
        lab.path("locked"),
        key.replace("PRIVATE", "ENCRYPTED PRIVATE"),
    )
    .unwrap();
    fs::write(lab.path("cut"), &key[..key.len() / 2]).unwrap();
    let rows = [
        ("missing", "gwm.pem", "gwm.key", "missing: cannot be read"),
        ("empty", "gwm.pem", "gwm.key", "empty: holds no certificate"),
        ("binary", "gwm.pem", "gwm.key", "binary: cannot be read"),
        (
            "gwm.key",
            "gwm.pem",
            "gwm.key",
            "gwm.key: holds no certificate",
        ),
        ("torn", "gwm.pem", "gwm.key", "torn: holds no certificate"),
        ("ca.pem", "missing", "gwm.key", "missing: cannot be read"),
        ("ca.pem", "gwm.pem", "missing", "missing: cannot be read"),
        (
            "ca.pem",
            "gwm.pem",
            "gwm.pem",
            "gwm.pem: holds no private key",
        ),
        ("ca.pem", "gwm.pem", "cut", "cut: holds no private key"),
        ("ca.pem", "gwm.pem", "locked", "locked: is encrypted"),
        (
            "ca.pem",
            "gwm.pem",
            "other.key",
            "gwm.pem: is not the certificate of the key in",
        ),
    ];
    let secret = key.lines().nth(1).unwrap();
    for (ca, cert, key, reason) in rows {
        let pair = KeyPair {
            cert: lab.path(cert),
            key: lab.path(key),
        };
        let server = ServerTls::load(ServerFiles {
            pair: pair.clone(),
            ca: lab.path(ca),
            client_certificates: ClientCertificates::Required,
        });
        let client = ClientTls::load(ClientFiles {
            ca: lab.path(ca),
            pair: Some(pair),
            server_name: None,
        });
        for refused in [
            server.unwrap_err().to_string(),
            client.unwrap_err().to_string(),
        ] {
            assert!(refused.contains(reason), "{ca} {cert} {key}: {refused}");
            assert!(
                !refused.contains('\n') && !refused.contains(secret),
                "{refused}"
            );
        }
    }
}

#[test]
fn a_chain_that_no_peer_follows_is_refused_and_a_ca_file_may_be_longer() {
    let lab = Lab::with_both_sides();
    let own = fs::read_to_string(lab.path("gwm.pem")).unwrap();
    let ca = fs::read_to_string(lab.path("ca.pem")).unwrap();
    fs::write(lab.path("ca.pem"), ca.repeat(40)).unwrap();
    for (others, is_good) in [(15, true), (16, false)] {
        let chain = format!("{own}{}", ca.repeat(others));
        fs::write(lab.path("gwm.pem"), chain).unwrap();
        let server = ServerTls::load(lab.server_files("gwm"));
        let client = ClientTls::load(lab.client_files(Some("gwm")));
        let refusals = [server.err(), client.err()];
        for refused in refusals {
            let refused = refused.map(|refused| refused.to_string());
            assert_eq!(refused.is_none(), is_good, "{others}: {refused:?}");
            if let Some(refused) = refused {
                let words = "gwm.pem: holds 17 certificates, which no peer follows (at most 16)";
                assert!(refused.contains(words), "{refused}");
            }
        }
    }
}

#[test]
fn a_readable_key_and_an_expiring_certificate_are_worth_a_word() {
    let lab = Lab::with_both_sides();
    assert_eq!(lab.server("gwm").warnings(), [""; 0]);
    fs::set_permissions(lab.path("gwm.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let [warning] = lab.server("gwm").warnings().to_vec().try_into().unwrap();
    assert!(
        warning.ends_with("gwm.key: every user can read this private key: `chmod o-r` it"),
        "{warning}"
    );

    lab.issue("old", &["localhost"], |params| {
        params.not_after = date_time_ymd(2020, 1, 1)
    });
    let [warning] = lab
        .client(Some("old"))
        .warnings()
        .to_vec()
        .try_into()
        .unwrap();
    assert!(
        warning.contains("old.pem: the certificate CN=old has expired"),
        "{warning}"
    );
}

#[test]
fn what_is_printed_for_debugging_holds_names_of_files_only() {
    let lab = Lab::with_both_sides();
    let text = format!("{:?} {:?}", lab.server("gwm"), lab.client(Some("edge-1")));
    assert!(
        text.contains("gwm.key") && !text.contains("PRIVATE"),
        "{text}"
    );
}

#[test]
fn the_same_files_are_the_same_tls() {
    let lab = Lab::with_both_sides();
    assert_eq!(lab.client(None), lab.client(None));
    assert_ne!(lab.client(None), lab.client(Some("edge-1")));
    assert_eq!(lab.server("gwm"), lab.server("gwm"));
    assert_ne!(lab.server("gwm"), lab.server("edge-1"));
}
