//! Two balancers in turn, the second without what the first remembers: both make the same table, so only those
//! connections may break that the first remembered because their slots had changed owner.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result};
use aya::maps::{HashMap, Map, MapData};
use sasp_xdp_common::abi::flow::{Flow4, FlowEntry};
use sasp_xdp_common::abi::names::FLOWS_V4;
use tests::lab::balancer::done;

use crate::crowd::Crowd;
use crate::dice::Dice;
use crate::rig::{CLIENTS, Rig, VIP};

/// As the product has it: nothing settles while the test runs.
const IDLE: Duration = Duration::from_secs(15 * 60);

#[test]
fn a_second_balancer_breaks_nothing_but_what_the_first_had_to_remember() {
    let (mut dice, hash_seed) = Dice::throw().unwrap();
    let mut rig = Rig::new(3).unwrap();
    let (before, after) = ([2, 1, 1], [1, 2, 1]);
    let [first, second] = [before, after].map(|weights| {
        let service = rig.service(&weights.map(Some), "");
        format!("[balancer]\nhash_seed = {}\n{service}", hash_seed as i64)
    });
    rig.farm.attach(&first, &[]).unwrap();
    rig.farm.await_shares(VIP, &before).unwrap();
    let crowd = rig.gather(false, IDLE, &mut dice).unwrap();
    assert_eq!(
        remembered(&rig).unwrap().len(),
        0,
        "no slot has changed owner"
    );

    hand_over(&mut rig, &crowd, &first).unwrap();
    let settled = crowd.seen();
    assert!(
        settled.broken.is_empty(),
        "of a table that never changed: {:?}",
        settled.broken
    );

    rig.reload(&second).unwrap();
    rig.farm.await_shares(VIP, &after).unwrap();
    crowd.everyone_answered().unwrap();
    let changed = crowd.seen();
    assert!(
        changed.broken.is_empty(),
        "by new weights: {:?}",
        changed.broken
    );
    let exceptions = remembered(&rig).unwrap();

    hand_over(&mut rig, &crowd, &second).unwrap();
    let seen = crowd.disperse().unwrap();
    let broken: BTreeSet<u16> = seen.broken.keys().copied().collect();
    println!(
        "{CLIENTS} connections: the second balancer broke {} of a settled table, and {} of {} exceptions of a fresh one",
        settled.broken.len(),
        broken.len(),
        exceptions.len()
    );
    assert_eq!(
        (seen.excused, seen.late, seen.refused.len()),
        (0, 0, 0),
        "{:?}",
        seen.refused
    );
    assert!(
        broken.is_subset(&exceptions),
        "{:?}",
        broken.difference(&exceptions)
    );
    assert!(!broken.is_empty(), "the first one's memory was of no use");
}

/// Another balancer takes over. The wire is out meanwhile: the edge itself would refuse connections that it does not
/// know, as no balancer in a pair would.
fn hand_over(rig: &mut Rig, crowd: &Crowd, config: &str) -> Result<()> {
    let farm = &mut rig.farm;
    farm.site.plug(&farm.site.client, false)?;
    farm.balancer.take().context("no balancer")?.stop()?;
    done(&farm.site, &["detach", "eth0"])?;
    farm.attach(config, &[])?;
    farm.site.plug(&farm.site.client, true)?;
    crowd.everyone_answered()
}

/// The clients' ports of all flows that the balancer remembers.
fn remembered(rig: &Rig) -> Result<BTreeSet<u16>> {
    let pins = rig.farm.site.pinned()?;
    let pin = pins
        .iter()
        .find(|pin| pin.ends_with(FLOWS_V4))
        .context("no map of flows")?;
    let flows: HashMap<_, Flow4, FlowEntry> =
        HashMap::try_from(Map::LruHashMap(MapData::from_pin(pin)?))?;
    flows
        .keys()
        .map(|flow| Ok(u16::from_be_bytes(flow?.client_port)))
        .collect()
}
