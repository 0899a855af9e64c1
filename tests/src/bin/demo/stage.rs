//! What is built: the site, nginx on every member, the GWM, the balancer.

use std::net::SocketAddr;

use anyhow::Result;
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::nginx;
use tests::lab::site::VIP4;

/// Members.
pub(crate) const MEMBERS: usize = 3;
/// Their SASP group.
pub(crate) const GROUP: &str = "FARM1";

/// Shown before anything is built.
pub(crate) const PICTURE: &str = "\
Six network namespaces on one segment, with real programs inside:

  client                edge 203.0.113.10                gwm
  opens connections     sasp-ctl attach eth0  <--SASP--  sasp-ctl gwm (weights)
      |                       |                             |
  ----+-----------+-----------+---------------+-------------+----
                  |           |               |
              member-1     member-2       member-3
              nginx        nginx          nginx       answer the client directly

Every packet to 203.0.113.10:80 is sent to a member in XDP, in the driver.
";

/// The service's address.
pub(crate) fn vip() -> SocketAddr {
    (VIP4, nginx::PORT).into()
}

/// Builds it; every member has its weight.
pub(crate) fn build(weights: &[u16; MEMBERS]) -> Result<Farm> {
    let mut farm = Farm::new(MEMBERS as u8)?;
    farm.notice_dead_neighbours_soon()?;
    farm.start_gwm(&[farm.weights(GROUP, vip(), weights)])?;
    attach(&mut farm)?;
    farm.await_shares(vip(), weights)?;
    Ok(farm)
}

/// Starts the balancer.
pub(crate) fn attach(farm: &mut Farm) -> Result<()> {
    let gwm = config::gwm(&farm.site, "");
    let service = config::service(&farm.site, GROUP, vip(), &[], "");
    farm.attach(&(gwm + &service), &[])
}

/// The member as SASP and the balancer call it.
pub(crate) fn key(farm: &Farm, member: usize) -> String {
    farm.site.members[member].address_for(vip()).to_string()
}
