//! Who gets in, and what each side is told if one does not.

use std::time::Duration;

use rcgen::{ExtendedKeyUsagePurpose, date_time_ymd};

use super::*;

/// Certificates for every row of the table.
fn lab() -> Lab {
    let lab = Lab::with_both_sides();
    lab.issue("expired", &["localhost"], |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    lab.issue("early", &["localhost"], |params| {
        params.not_before = date_time_ymd(4000, 1, 1);
    });
    lab.issue("localhost", &[], |_| {});
    lab.issue("by-address", &["127.0.0.1", "::1"], |_| {});
    lab.issue("clients-only", &["localhost"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    lab.issue("servers-only", &["localhost"], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    lab.issue_by_stranger("stranger", &["localhost"]);
    lab
}

/// Client's certificate, dialled host, GWM's certificate; what the client and what the server says.
type Row = (
    Option<&'static str>,
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
);

#[tokio::test]
async fn who_proves_what_is_asked_gets_in_and_both_sides_say_why_another_does_not() {
    let edge = Some("edge-1");
    let rows: [Row; 18] = [
        (edge, "localhost", "gwm", None),
        (edge, "LOCALHOST.", "gwm", None),
        (edge, "127.0.0.1", "gwm", None),
        (edge, "::1", "by-address", None),
        (
            edge,
            "gwm.example.net",
            "gwm",
            Some((
                "is not for gwm.example.net but for localhost, 127.0.0.1: set",
                "BadCertificate",
            )),
        ),
        (
            edge,
            "127.0.0.2",
            "by-address",
            Some(("is not for 127.0.0.2 but for", "BadCertificate")),
        ),
        // A common name is no name of a server, as everywhere for twenty years.
        (
            edge,
            "localhost",
            "localhost",
            Some(("has no subject alternative name", "BadCertificate")),
        ),
        (
            edge,
            "a b",
            "gwm",
            Some(("\"a b\" is no name", "closed the connection")),
        ),
        (
            edge,
            "localhost",
            "stranger",
            Some((
                "was not issued by a CA in the CA file",
                "does not know the CA",
            )),
        ),
        (
            edge,
            "localhost",
            "expired",
            Some(("has expired: renew it there", "has expired")),
        ),
        (
            edge,
            "localhost",
            "early",
            Some(("is not valid yet", "certificate")),
        ),
        (
            edge,
            "localhost",
            "clients-only",
            Some(("extended key usage serverAuth", "certificate")),
        ),
        (
            None,
            "localhost",
            "gwm",
            Some(("demands a client certificate", "shows no certificate")),
        ),
        (
            Some("stranger"),
            "localhost",
            "gwm",
            Some((
                "does not know the CA of our",
                "was not issued by a CA in `tls.ca`",
            )),
        ),
        (
            Some("expired"),
            "localhost",
            "gwm",
            Some(("says that our certificate has expired or", "has expired")),
        ),
        (
            Some("early"),
            "localhost",
            "gwm",
            Some(("our certificate", "is not valid yet")),
        ),
        (
            Some("servers-only"),
            "localhost",
            "gwm",
            Some(("our certificate", "extended key usage clientAuth")),
        ),
        // Whoever has both purposes may be either.
        (Some("gwm"), "localhost", "gwm", None),
    ];
    let lab = lab();
    for (client, host, server, refused) in rows {
        let Met {
            client: told,
            server: logged,
        } = meet(&lab.client(client), host, &lab.server(server)).await;
        let row = format!("{client:?} at {host} of {server}: {told:?}, {logged:?}");
        match refused {
            None => assert!(told.is_ok() && logged.is_ok(), "{row}"),
            Some((at_client, at_server)) => {
                let (told, logged) = (told.unwrap_err(), logged.unwrap_err());
                assert!(told.contains(at_client), "{row}");
                assert!(logged.contains(at_server), "{row}");
                assert!(!told.contains('\n') && !logged.contains('\n'), "{row}");
            }
        }
    }
}

#[tokio::test]
async fn a_ca_that_shows_its_own_certificate_is_told_to_issue_one() {
    let lab = lab();
    lab.issue("ca-like", &["localhost"], |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    let met = meet(
        &lab.client(Some("edge-1")),
        "localhost",
        &lab.server("ca-like"),
    )
    .await;
    let told = met.client.unwrap_err();
    assert!(told.contains("is that of a CA"), "{told}");
}

#[tokio::test]
async fn the_name_that_is_expected_is_the_operators_to_choose() {
    let lab = lab();
    let mut files = lab.client_files(Some("edge-1"));
    files.server_name = Some("localhost".to_owned());
    let client = Arc::new(ClientTls::load(files.clone()).unwrap());
    let met = meet(&client, "192.0.2.1", &lab.server("gwm")).await;
    assert_eq!(met.client, Ok(()));
    files.server_name = Some("not a name".to_owned());
    let refused = ClientTls::load(files).unwrap_err().to_string();
    assert!(
        refused.starts_with("\"not a name\" is no name"),
        "{refused}"
    );
}

#[tokio::test]
async fn where_certificates_are_optional_who_shows_none_is_nobody_and_a_bad_one_is_still_refused() {
    let lab = lab();
    let mut files = lab.server_files("gwm");
    files.client_certificates = ClientCertificates::Optional;
    let server = ServerTls::load(files).unwrap();
    let nobody = meet(&lab.client(None), "localhost", &server).await;
    assert_eq!((nobody.client, nobody.server), (Ok(()), Ok(None)));
    let bad = meet(&lab.client(Some("stranger")), "localhost", &server).await;
    assert!(bad.server.unwrap_err().contains("was not issued by"));
}

#[tokio::test]
async fn the_certificate_says_who_dials() {
    let lab = Lab::with_both_sides();
    lab.issue(
        "web",
        &[
            "web.example.net",
            "*.example.net",
            "10.0.0.7",
            "2001:db8::7",
        ],
        |params| {
            params
                .distinguished_name
                .push(rcgen::DnType::OrganizationName, "not a name");
            params.subject_alt_names.push(rcgen::SanType::Rfc822Name(
                "a@b.example".try_into().unwrap(),
            ));
        },
    );
    let met = meet(&lab.client(Some("web")), "localhost", &lab.server("gwm")).await;
    let identity = met.server.unwrap().unwrap();
    assert_eq!(identity.names, ["web", "web.example.net", "*.example.net"]);
    let addresses: [std::net::IpAddr; 2] =
        ["10.0.0.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    assert_eq!(identity.addresses, addresses);
    assert!(identity.is_called("WEB.example.net") && !identity.is_called("a.example.net"));
}

#[tokio::test]
async fn a_peer_that_speaks_plain_tcp_is_told_apart_on_either_side() {
    let lab = Lab::with_both_sides();
    let (mut peer, ours) = duplex(PIPE);
    let server = lab.server("gwm");
    let plain = async {
        // The first bytes of a Set LB State request.
        peer.write_all(&[0x20, 0x10, 0, 13, 1, 0, 0, 0, 31])
            .await
            .unwrap();
        peer.read_to_end(&mut Vec::new()).await.unwrap();
    };
    let (accepted, ()) = tokio::join!(server.accept(ours), plain);
    let logged = accepted.unwrap_err();
    assert!(
        logged.to_string().contains("does not speak TLS"),
        "{logged}"
    );
    assert!(!logged.peer_left());

    let (mut peer, ours) = duplex(PIPE);
    peer.write_all(&[0x20, 0x10, 0, 13, 1, 0, 0, 0, 31])
        .await
        .unwrap();
    let told = lab
        .client(None)
        .connect("localhost", ours)
        .await
        .unwrap_err();
    assert!(told.to_string().contains("does not speak TLS"), "{told}");
}

#[tokio::test]
async fn a_peer_that_goes_away_in_the_handshake_has_left() {
    let lab = Lab::with_both_sides();
    let (peer, ours) = duplex(PIPE);
    drop(peer);
    assert!(
        lab.server("gwm")
            .accept(ours)
            .await
            .unwrap_err()
            .peer_left()
    );
    let (peer, ours) = duplex(PIPE);
    drop(peer);
    let told = lab
        .client(None)
        .connect("localhost", ours)
        .await
        .unwrap_err();
    assert!(
        told.to_string().contains("may speak plain TCP only"),
        "{told}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_silent_in_the_handshake_is_given_up() {
    let lab = Lab::with_both_sides();
    let (_peer, ours) = duplex(PIPE);
    let logged = lab.server("gwm").accept(ours).await.unwrap_err();
    assert!(
        logged.to_string().contains("no TLS handshake within 10s"),
        "{logged}"
    );
    let begun = tokio::time::Instant::now();
    let (_peer, ours) = duplex(PIPE);
    let told = lab
        .client(None)
        .connect("localhost", ours)
        .await
        .unwrap_err();
    assert!(
        told.to_string().contains("no TLS handshake within 5s"),
        "{told}"
    );
    assert!(begun.elapsed() >= Duration::from_secs(5));
}
