//! Who may say what, by certificate.

use super::*;

fn certificate(names: &[&str], addresses: &[&str]) -> Identity {
    Identity {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
    }
}

fn connect(bed: &mut Bed, peer: &str, identity: Option<Identity>) -> ConnectionId {
    let id = bed.connect_from(peer);
    if let Some(identity) = identity {
        bed.gwm.handle_identity(id, identity);
    }
    id
}

fn rule(sources: &[&str], certificate: Option<&str>) -> PeerRule {
    PeerRule {
        sources: sources.iter().map(|net| net.parse().unwrap()).collect(),
        certificate: certificate.map(str::to_owned),
    }
}

/// A needs the certificate edge-1 and a source, B a source only.
fn listed() -> Policy {
    let net = &["192.0.2.0/24"];
    let balancers = [
        (name("A"), rule(net, Some("edge-1"))),
        (name("B"), rule(net, None)),
    ];
    Policy {
        admission: Admission::Listed(balancers.into()),
        ..policy()
    }
}

#[test]
fn a_uid_is_spoken_for_by_its_certificate_from_its_sources_and_by_nothing_else() {
    const INSIDE: &str = "192.0.2.9:1";
    const OUTSIDE: &str = "198.51.100.9:1";
    let edge_1 = || Some(certificate(&["edge-1"], &[]));
    let rows: [(&str, &str, Option<Identity>, Option<Refusal>); 9] = [
        (INSIDE, "A", edge_1(), None),
        (
            INSIDE,
            "A",
            Some(certificate(&["other", "EDGE-1"], &[])),
            None,
        ),
        (INSIDE, "A", None, Some(Refusal::NoCertificate)),
        (
            INSIDE,
            "A",
            Some(certificate(
                &["edge-2", "edge-1.example.net"],
                &["192.0.2.9"],
            )),
            Some(Refusal::OtherCertificate),
        ),
        (
            INSIDE,
            "A",
            Some(certificate(&["*"], &[])),
            Some(Refusal::OtherCertificate),
        ),
        (OUTSIDE, "A", edge_1(), Some(Refusal::SourceNotAllowed)),
        (INSIDE, "B", None, None),
        (INSIDE, "B", edge_1(), None),
        (INSIDE, "C", edge_1(), Some(Refusal::UnlistedBalancer)),
    ];
    for (peer, uid, identity, refused) in rows {
        for request in [
            set_lb_state(uid, 0),
            register(LB, &[(uid, "G", &[1])]),
            get_weights(&[(uid, "")]),
            deregister(LB, &[(uid, "G", &[1])]),
            set_member_state(LB, (0, 1), &[(uid, "G", &[1])]),
        ] {
            let mut bed = Bed::with_policy(listed());
            let id = connect(&mut bed, peer, identity.clone());
            let kind = request.kind();
            let code = bed.code(id, request);
            let said = bed.events().into_iter().find_map(|event| match event {
                Event::Refused { refusal, .. } => Some(refusal),
                _ => None,
            });
            match refused {
                Some(refused) => {
                    assert_eq!(said, Some(refused), "{uid} from {peer}, {kind}");
                    assert_eq!(code, Code::NOT_ACCEPTED);
                }
                // A balancer that nobody knows yet may be told so.
                None => assert_ne!(code, Code::NOT_ACCEPTED, "{uid} from {peer}, {kind}"),
            }
        }
    }
}

#[test]
fn nobody_takes_a_uid_over_without_its_certificate_and_a_reload_ends_whoever_lacks_it() {
    let mut bed = Bed::with_policy(listed());
    let edge_1 = Some(certificate(&["edge-1"], &[]));
    let owner = connect(&mut bed, "192.0.2.1:1", edge_1);
    assert_eq!(bed.code(owner, set_lb_state("A", 0)), Code::SUCCESS);
    let thief = connect(&mut bed, "192.0.2.2:1", Some(certificate(&["evil"], &[])));
    assert_eq!(bed.code(thief, set_lb_state("A", 0)), Code::NOT_ACCEPTED);
    assert_eq!(bed.closed(), []);

    let other = rule(&[], Some("edge-7"));
    let admission = Admission::Listed([(name("A"), other)].into());
    bed.gwm.set_policy(
        Policy {
            admission,
            ..policy()
        },
        bed.now,
    );
    assert_eq!(bed.closed(), [(owner, CloseReason::NotAdmitted)]);
}

#[test]
fn a_member_may_prove_its_address_by_its_certificate() {
    let mut bed = Bed::with_policy(Policy {
        members_speak_for_themselves: true,
        ..policy()
    });
    bed.balancer("A", TRUST);
    let proven = certificate(&[], &["10.0.0.2", "::ffff:10.0.0.3"]);
    let id = connect(&mut bed, "10.0.0.1:5", Some(proven));
    for (member, code) in [
        (1, Code::SUCCESS),
        (2, Code::SUCCESS),
        (3, Code::SUCCESS),
        (4, Code::NOT_ACCEPTED),
    ] {
        let request = register(MEMBER, &[("A", "G", &[member])]);
        assert_eq!(bed.code(id, request), code, "{member}");
    }
}

#[test]
fn listed_members_speak_by_certificate_and_source_for_their_addresses_only() {
    let member = |peer: PeerRule, addresses: &[&str]| MemberRule {
        peer,
        addresses: addresses.iter().map(|net| net.parse().unwrap()).collect(),
    };
    let member_rules = vec![
        member(rule(&["10.0.0.0/24"], Some("web")), &["10.0.0.1/32"]),
        member(rule(&[], Some("web")), &["10.0.0.2/32"]),
        member(rule(&["10.9.0.0/16"], None), &["10.0.0.0/30"]),
    ];
    let web = || Some(certificate(&["web"], &[]));
    let rows: [(&str, Option<Identity>, &[u8], bool); 9] = [
        ("10.0.0.7:1", web(), &[1], true),
        ("10.0.0.7:1", web(), &[1, 2], true),
        ("10.0.0.7:1", web(), &[1, 2, 3], false),
        ("10.1.0.7:1", web(), &[1], false),
        ("10.1.0.7:1", web(), &[2], true),
        ("10.0.0.7:1", None, &[1], false),
        ("10.0.0.1:1", Some(certificate(&["db"], &[])), &[1], false),
        ("10.9.0.1:1", None, &[1, 2, 3], true),
        ("10.9.0.1:1", None, &[4], false),
    ];
    for (peer, identity, members, admitted) in rows {
        let mut bed = Bed::with_policy(Policy {
            member_rules: member_rules.clone(),
            ..policy()
        });
        let balancer = bed.balancer("A", TRUST);
        let id = connect(&mut bed, peer, identity);
        let expected = match admitted {
            true => Code::SUCCESS,
            false => Code::NOT_ACCEPTED,
        };
        let by_member = register(MEMBER, &[("A", "G", members)]);
        assert_eq!(bed.code(id, by_member), expected, "{peer} {members:?}");
        assert_eq!(
            bed.code(balancer, register(LB, &[("A", "H", members)])),
            Code::SUCCESS,
            "the balancer's own requests are not bound"
        );
        let quiesce = set_member_state(MEMBER, (0, 1), &[("A", "H", members)]);
        assert_eq!(bed.code(id, quiesce), expected, "{peer} {members:?}");
    }
}
