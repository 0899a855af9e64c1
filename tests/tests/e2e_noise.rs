//! Weights that change much or often: how slowly tables follow, and what does not wait.

use std::net::SocketAddr;
use std::time::Duration;

use tests::lab::balancer::done;
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::gwm::Gwm;
use tests::lab::http;
use tests::lab::site::VIP4;
use tests::lab::status;
use tests::lab::steady::Steady;
use tests::lab::wait::{until, until_true};

const GROUP: &str = "FARM1";
const DEADLINE: Duration = Duration::from_secs(25);
const VIP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(VIP4), 80);
const SLOTS: u64 = 65_536;

/// Slots of the members, by their number.
fn slots(farm: &Farm) -> anyhow::Result<Vec<u64>> {
    let members = 0..farm.site.members.len();
    members
        .map(|number| Ok(farm.member(VIP, number)?.slots))
        .collect()
}

/// Why the slots of the first member are not those that its weight asks for.
fn why(farm: &Farm) -> anyhow::Result<String> {
    let status = status::read(&farm.site)?;
    let members = &status::service(&status, &VIP.to_string())?["members"];
    Ok(members[0]["why_applied"].as_str().unwrap().to_owned())
}

fn to_move(farm: &Farm) -> anyhow::Result<u64> {
    let status = status::read(&farm.site)?;
    let service = status::service(&status, &VIP.to_string())?;
    Ok(service["slots"]["to_move"].as_u64().unwrap())
}

#[test]
fn a_member_that_comes_back_gets_its_share_little_by_little() {
    let mut farm = Farm::new(2).unwrap();
    let config = config::service(&farm.site, GROUP, VIP, &[1, 1], "slow_start = \"4s\"");
    farm.attach(&config, &[]).unwrap();
    // They begin together, so nobody sees a difference.
    farm.await_spread(VIP, &[1, 1]).unwrap();
    until_true(DEADLINE, "the end of the first slow start", || {
        Ok(why(&farm)? == "as_weighed")
    })
    .unwrap();
    let steady = Steady::open(&farm.site.client.namespace, VIP, 8).unwrap();
    let member = farm.site.members[0].address_for(VIP).to_string();
    done(&farm.site, &["quiesce", GROUP, &member]).unwrap();
    farm.await_shares(VIP, &[0, 1]).unwrap();
    done(&farm.site, &["resume", GROUP, &member]).unwrap();
    let mut seen = vec![0];
    until_true(DEADLINE, "half of the slots", || {
        let now = slots(&farm)?[0];
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        Ok(now == SLOTS / 2)
    })
    .unwrap();
    assert!(seen.is_sorted(), "it only grows: {seen:?}");
    // The least of them: a sixteenth of its weight, beside a whole one.
    assert!(seen[1] >= SLOTS / 17, "{seen:?}");
    assert!(
        (4..=17).contains(&seen.len()),
        "16 steps, some of them seen: {seen:?}"
    );
    farm.check_spread(VIP, &[1, 1]).unwrap();
    let report = steady.close().unwrap();
    assert!(report.broken.is_empty(), "{report:?}");
}

#[test]
fn new_weights_move_a_limited_number_of_slots_at_a_time_and_arrive() {
    const LIMIT: u64 = SLOTS / 20;
    let mut farm = Farm::new(2).unwrap();
    farm.start_gwm(&[farm.weights(GROUP, VIP, &[1, 1])])
        .unwrap();
    let limits = "move_limit = \"5%\"\nmove_interval = \"300ms\"";
    let config =
        config::gwm(&farm.site, "") + &config::service(&farm.site, GROUP, VIP, &[], limits);
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(VIP, &[1, 1]).unwrap();
    // Its number of slots, and of the tables written until then.
    let look = || -> anyhow::Result<(u64, u64)> {
        let status = status::read(&farm.site)?;
        let members = status::members(&status, &VIP.to_string())?;
        let member = &members[&farm.site.members[0].address_for(VIP).to_string()];
        let tables = status["tables"]["published"].as_u64().unwrap();
        Ok((member.slots, tables))
    };
    let mut seen = vec![look().unwrap()];
    farm.set_weights(&[farm.weights(GROUP, VIP, &[3, 1])])
        .unwrap();
    until_true(DEADLINE, "three quarters of the slots", || {
        let now = look()?;
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        Ok(now.0 == SLOTS * 3 / 4)
    })
    .unwrap();
    assert!(seen.len() > 3, "on the way: {seen:?}");
    for pair in seen.windows(2) {
        let (moved, tables) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        assert!(moved <= LIMIT * tables, "{seen:?}");
    }
    until_true(DEADLINE, "nothing to be left", || Ok(to_move(&farm)? == 0)).unwrap();
    farm.check_spread(VIP, &[3, 1]).unwrap();
}

#[test]
fn a_member_without_contact_loses_all_its_slots_at_once_whatever_the_limit_is() {
    const LIMIT: u64 = SLOTS / 50;
    let mut farm = Farm::new(3).unwrap();
    let weights = farm.weights(GROUP, VIP, &[1, 1, 1]).members;
    let weights: Vec<_> = weights
        .iter()
        .map(|(member, weight)| format!("{member:?} = {weight}"))
        .collect();
    let rules = format!(
        "[[weights]]\ngroup = \"{GROUP}\"\nsource = \"probe\"\ninterval = \"100ms\"\nfall = 2\n\
         [[weights]]\ngroup = \"{GROUP}\"\nsource = \"static\"\nmembers = {{ {} }}\n",
        weights.join(", ")
    );
    farm.gwm = Some(Gwm::start_with(&farm.site, &farm.site.gwm, &rules).unwrap());
    // As good as never again.
    let limits = "move_limit = \"2%\"\nmove_interval = \"1h\"";
    let config =
        config::gwm(&farm.site, "") + &config::service(&farm.site, GROUP, VIP, &[], limits);
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(VIP, &[1, 1, 1]).unwrap();
    let before = slots(&farm).unwrap();

    let first = farm.site.members[0].address_for(VIP).to_string();
    let gwm = farm.gwm.as_ref().unwrap();
    gwm.ask(&farm.site, &["set", GROUP, &first, "3"]).unwrap();
    let left = until(DEADLINE, "a first step", || {
        let left = to_move(&farm)?;
        Ok((left > 0).then_some(left))
    })
    .unwrap();
    let moved = slots(&farm).unwrap()[0] - before[0];
    assert!((1..=LIMIT).contains(&moved), "{moved}");
    assert!(left > LIMIT, "most is still to be moved: {left}");
    assert_eq!(why(&farm).unwrap(), "move_limit");

    farm.servers[1].take().unwrap().kill().unwrap();
    farm.await_state(VIP, 1, "down").unwrap();
    let after = slots(&farm).unwrap();
    assert_eq!(after[1], 0, "{after:?}");
    assert_eq!(after[0] + after[2], SLOTS, "{after:?}");
    let client = &farm.site.client.namespace;
    let tally = http::sample(client, VIP, 300, DEADLINE).unwrap();
    assert_eq!(tally.failed(), 0, "{:?}", tally.failures);
    assert_eq!(tally.of("member-2"), 0, "{tally:?}");
    assert!(to_move(&farm).unwrap() > 0, "the rest still waits");
}
