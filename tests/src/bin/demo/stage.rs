//! What is built: the site, nginx on every member, the GWM, the balancer.

use std::net::SocketAddr;

use anyhow::Result;
use tests::lab::balancer::Balancer;
use tests::lab::config;
use tests::lab::gwm::{GroupWeights, Gwm};
use tests::lab::namespace::sysctl;
use tests::lab::nginx::{self, Nginx};
use tests::lab::site::{Host, Site, VIP4};

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

/// All that runs.
#[derive(Debug)]
pub(crate) struct Stage {
    // Dropped in this order: processes before the namespaces that they run in.
    pub(crate) balancer: Option<Balancer>,
    pub(crate) gwm: Gwm,
    pub(crate) servers: Vec<Option<Nginx>>,
    pub(crate) site: Site,
}

impl Stage {
    /// Builds it; every member weighs the same.
    pub(crate) fn build(weights: &[u16; MEMBERS]) -> Result<Self> {
        let site = Site::new(MEMBERS as u8)?;
        watch_neighbours_closely(&site.edge)?;
        let servers = site
            .members
            .iter()
            .map(|member| Nginx::start(&site, member).map(Some))
            .collect::<Result<Vec<_>>>()?;
        let gwm = Gwm::start(&site, &[group(&site, weights)])?;
        let mut stage = Self {
            balancer: None,
            gwm,
            servers,
            site,
        };
        stage.attach()?;
        Ok(stage)
    }

    /// Starts the balancer.
    pub(crate) fn attach(&mut self) -> Result<()> {
        self.balancer = Some(Balancer::attach(&self.site, &self.config(), &[])?);
        Ok(())
    }

    /// Changes the weights where a site would: at the GWM.
    pub(crate) fn weigh(&self, weights: &[u16; MEMBERS]) -> Result<()> {
        self.gwm.set(&[group(&self.site, weights)])
    }

    /// The member as SASP and the balancer call it.
    pub(crate) fn key(&self, member: usize) -> String {
        key(&self.site.members[member])
    }

    fn config(&self) -> String {
        let gwm = config::gwm(&self.site, "");
        gwm + &config::service(&self.site, GROUP, vip(), &[], "")
    }
}

fn group(site: &Site, weights: &[u16; MEMBERS]) -> GroupWeights {
    GroupWeights {
        group: GROUP.to_owned(),
        members: site.members.iter().map(key).zip(*weights).collect(),
    }
}

fn key(member: &Host) -> String {
    member.address_for(vip()).to_string()
}

/// Linux asks a silent neighbour again after half a minute; whoever wants to lose fewer connections asks earlier.
fn watch_neighbours_closely(edge: &Host) -> Result<()> {
    edge.namespace.inside(|| {
        sysctl("net/ipv4/neigh/eth0/base_reachable_time_ms", "1000")?;
        sysctl("net/ipv4/neigh/eth0/retrans_time_ms", "200")?;
        sysctl("net/ipv4/neigh/eth0/delay_first_probe_time", "1")
    })?
}
