//! Requests per second over connections that stay open, and connections per second that serve one request each: wrk
//! against two members with nginx, all on one segment.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Result, ensure};
use tests::lab::farm::Farm;
use tests::lab::http;
use tests::lab::namespace::sysctl;
use tests::lab::nginx;
use tests::lab::site::{Site, VIP4};
use tests::lab::wait::until_true;

use super::contenders::{Contender, Kind};
use super::edge::Edge;
use super::wrk;

const MEMBERS: u8 = 2;
const START: Duration = Duration::from_secs(10);
/// Connections that must show both members, before anything is measured.
const SAMPLE: u64 = 64;

/// What a contender does, in namespaces of its own: requests and new connections per second.
pub(super) fn measure(contender: &Contender, seconds: u64) -> Result<[f64; 2]> {
    let farm = Farm::new(MEMBERS)?;
    let site = &farm.site;
    let members: Vec<Ipv4Addr> = site.members.iter().map(|member| member.ipv4()).collect();
    route(site, contender.kind, &members)?;
    let vip = SocketAddr::from((VIP4, nginx::PORT));
    let edge = Edge {
        namespace: &site.edge.namespace,
        directory: site.directory(),
        protocol: "tcp",
        vip,
        address: site.edge.ipv4(),
        members: &members,
    };
    let sasp_ctl = site.sasp_ctl(&site.edge)?;
    let mut running = edge.start(contender.kind, sasp_ctl)?;
    let client = &site.client.namespace;
    let answers = || {
        until_true(START, "an answer", || {
            running.check()?;
            Ok(http::get(vip).is_ok())
        })
    };
    client.inside(answers)??;
    let tally = http::sample(client, vip, SAMPLE, START)?;
    ensure!(
        tally.failed() == 0 && tally.answers.len() == members.len(),
        "not balanced: answers {:?}, failures {:?}",
        tally.answers,
        tally.failures
    );
    Ok([
        wrk::run(client, vip, seconds, &[])?,
        wrk::run(client, vip, seconds, &["-H", "Connection: close"])?,
    ])
}

/// The ways that this contender's packets take.
fn route(site: &Site, kind: Kind, members: &[Ipv4Addr]) -> Result<()> {
    let client = &site.client.namespace;
    // A connection takes a port out of use for a minute.
    client.inside(|| sysctl("net/ipv4/ip_local_port_range", "1024 65535"))??;
    if kind == Kind::Direct {
        client.inside(|| sysctl("net/ipv4/fib_multipath_hash_policy", "1"))??;
        let hops: String = members
            .iter()
            .map(|member| format!(" nexthop via {member}"))
            .collect();
        client.ip(&format!("route replace {VIP4}/32{hops}"))?;
    }
    if kind.routes() {
        let (client, edge) = (site.client.ipv4(), site.edge.ipv4());
        for member in &site.members {
            member
                .namespace
                .ip(&format!("route add {client}/32 via {edge}"))?;
        }
    }
    Ok(())
}
