use sasp_xdp_common::abi::settings::POOL_MAX;

use super::*;

fn vip(address: &str, protocol: u8) -> Vip {
    Vip::new(address.parse().unwrap(), protocol)
}

#[test]
fn two_services_may_share_a_translating_member_only_if_its_replies_say_whose_they_are() {
    let web = (vip("10.0.0.1:80", 6), vip("192.0.2.1:80", 6));
    let any = (vip("10.0.0.1:0", 6), vip("192.0.2.1:0", 6));
    let system = (vip("10.0.0.1:0", 0), vip("192.0.2.1:0", 0));
    for (other, wanted) in [
        (web, false),
        ((vip("10.0.0.1:81", 6), vip("192.0.2.2:80", 6)), false),
        ((vip("10.0.0.1:80", 17), vip("192.0.2.2:80", 17)), false),
        ((vip("10.0.0.1:80", 6), vip("192.0.2.2:80", 6)), true),
        // A reply from port 80 comes from port 80 of the same VIP, whichever of the two it belongs to.
        (any, false),
        (system, false),
        ((vip("10.0.0.1:0", 6), vip("192.0.2.2:0", 6)), true),
        ((vip("10.0.0.1:0", 0), vip("192.0.2.2:0", 0)), true),
        ((vip("10.0.0.1:0", 17), vip("192.0.2.2:0", 17)), false),
    ] {
        assert_eq!(contradict(web, other), wanted, "{other:?}");
        assert_eq!(contradict(other, web), wanted, "{other:?}");
    }
    let moved = (vip("10.0.0.1:8080", 6), vip("192.0.2.1:80", 6));
    assert!(contradict(moved, any), "the port is the VIP's no longer");
}

#[test]
fn the_settings_say_what_there_is_to_look_for() {
    let mut lookups = Lookups::default();
    let plain = settings(&Globals::default(), &lookups, &Settings::default());
    assert_eq!(plain, Settings::default());

    lookups.vips.insert([192, 0, 2, 1].into(), true);
    let (member, vip) = (vip("10.0.0.1:80", 6), vip("192.0.2.1:80", 6));
    lookups.replies.insert(member, vip);
    let globals = Globals {
        pool: Some(crate::balance::spec::Pool {
            v4: vec![[10, 0, 0, 250].into(), [10, 0, 0, 251].into()],
            v6: vec!["fd00::250".parse().unwrap()],
            ports: 1..=65535,
        }),
        flows_per_second: 7,
        too_big_per_second: 9,
    };
    let found = settings(&globals, &lookups, &Settings::default());
    assert_eq!(found.features, HAS_WILDCARDS | HAS_REPLIES);
    assert_eq!((found.pool_port, found.pool_ports), (1, 65535));
    assert_eq!((found.pool_v4_len, found.pool_v6_len), (2, 1));
    for place in 0..POOL_MAX {
        assert_eq!(found.pool_v4[place], [10, 0, 0, 250 + place as u8 % 2]);
        assert_eq!(found.pool_v6[place], found.pool_v6[0]);
    }
    assert_eq!((found.flows_per_second, found.too_big_per_second), (7, 9));
    // Whoever is reached by `full-nat` answers to the pool, whether or not a member is there now.
    assert_eq!(
        settings(&globals, &Lookups::default(), &found).features,
        HAS_REPLIES
    );
}

#[test]
fn addresses_of_a_pool_that_is_removed_stay_in_their_places() {
    let mut globals = Globals {
        pool: Some(crate::balance::spec::Pool {
            v4: vec![[10, 0, 0, 250].into()],
            v6: vec!["fd00::250".parse().unwrap()],
            ports: 1024..=65535,
        }),
        ..Globals::default()
    };
    let lookups = Lookups::default();
    let both = settings(&globals, &lookups, &Settings::default());
    globals.pool.as_mut().unwrap().v4.clear();
    let wanted = Settings {
        pool_v4_len: 0,
        ..both
    };
    assert_eq!(settings(&globals, &lookups, &both), wanted);
    globals.pool = None;
    let wanted = Settings {
        features: 0,
        pool_ports: 0,
        pool_v6_len: 0,
        ..wanted
    };
    assert_eq!(settings(&globals, &lookups, &both), wanted);
    assert_eq!(
        settings(&globals, &lookups, &wanted),
        wanted,
        "it is settled"
    );
}
