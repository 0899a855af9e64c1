//! A site at work: nginx on every member, a GWM if wanted, the balancer on the edge.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::balancer::Balancer;
use super::gwm::{GroupWeights, Gwm};
use super::http;
use super::judge;
use super::namespace::sysctl;
use super::nginx::Nginx;
use super::site::Site;
use super::status::{self, Member};
use super::wait::until_true;

/// Until a change shows in the status.
const EFFECT: Duration = Duration::from_secs(15);
/// One slot in 65,536 and the rounding of a sum.
const SHARE_PRECISION: f64 = 0.000_05;
/// Enough to tell shares apart, few enough for many looks.
const SAMPLE: u64 = 800;
const SAMPLE_TIME: Duration = Duration::from_secs(30);

/// A site and what runs on it. Processes go before the namespaces that they run in.
#[derive(Debug)]
pub struct Farm {
    /// On the edge, if attached.
    pub balancer: Option<Balancer>,
    /// On its host, if started.
    pub gwm: Option<Gwm>,
    /// On the members, those that are alive.
    pub servers: Vec<Option<Nginx>>,
    /// Where all this is.
    pub site: Site,
}

impl Farm {
    /// A site whose members serve; neither GWM nor balancer yet.
    ///
    /// # Errors
    /// If the site cannot be built or nginx does not start.
    pub fn new(members: u8) -> Result<Self> {
        let site = Site::new(members)?;
        let servers = site
            .members
            .iter()
            .map(|member| Nginx::start(&site, member).map(Some))
            .collect::<Result<_>>()?;
        Ok(Self {
            balancer: None,
            gwm: None,
            servers,
            site,
        })
    }

    /// Makes the edge ask silent neighbours again after seconds. Linux does so after half a minute; whoever wants to
    /// lose fewer connections to a dead member asks earlier.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn notice_dead_neighbours_soon(&self) -> Result<()> {
        self.site.edge.namespace.inside(|| {
            sysctl("net/ipv4/neigh/eth0/base_reachable_time_ms", "1000")?;
            sysctl("net/ipv4/neigh/eth0/retrans_time_ms", "200")?;
            sysctl("net/ipv4/neigh/eth0/delay_first_probe_time", "1")
        })?
    }

    /// Starts the GWM with weights of groups: see [`Farm::weights`].
    ///
    /// # Errors
    /// If it does not start.
    pub fn start_gwm(&mut self, weights: &[GroupWeights]) -> Result<()> {
        self.gwm = Some(Gwm::start(&self.site, weights)?);
        Ok(())
    }

    /// Changes the weights at the GWM.
    ///
    /// # Errors
    /// If there is none or its file cannot be written.
    pub fn set_weights(&self, weights: &[GroupWeights]) -> Result<()> {
        self.gwm.as_ref().context("no GWM runs")?.set(weights)
    }

    /// Weights of the members of a service, in their order.
    pub fn weights(&self, group: &str, vip: SocketAddr, weights: &[u16]) -> GroupWeights {
        let keys = self
            .site
            .members
            .iter()
            .map(|member| member.address_for(vip).to_string());
        GroupWeights {
            group: group.to_owned(),
            members: keys.zip(weights.iter().copied()).collect(),
        }
    }

    /// Starts the balancer and waits until it is ready.
    ///
    /// # Errors
    /// If it ends first.
    pub fn attach(&mut self, config: &str, args: &[&str]) -> Result<()> {
        self.balancer = Some(Balancer::attach(&self.site, config, args)?);
        Ok(())
    }

    /// Kills the balancer, with no chance to tidy up.
    ///
    /// # Errors
    /// If none runs.
    pub fn kill_balancer(&mut self) -> Result<()> {
        self.balancer.take().context("no balancer runs")?.kill()
    }

    /// A member as a service of the balancer sees it, by its number from 0.
    ///
    /// # Errors
    /// If there is no such service or member.
    pub fn member(&self, vip: SocketAddr, number: usize) -> Result<Member> {
        let members = status::members(&status::read(&self.site)?, &vip.to_string())?;
        let key = self.site.members[number].address_for(vip).to_string();
        members
            .get(&key)
            .cloned()
            .with_context(|| format!("no member {key}"))
    }

    /// Waits until the members' slots are in these proportions.
    ///
    /// # Errors
    /// If they are not in time; with the last status and the balancer's log.
    pub fn await_shares(&self, vip: SocketAddr, weights: &[u16]) -> Result<()> {
        let wanted = shares(weights);
        let what = format!("slots of {vip} as {weights:?}");
        until_true(EFFECT, &what, || self.has_shares(vip, &wanted)).with_context(|| self.explain())
    }

    /// Whether the members' shares of the slots are these.
    ///
    /// # Errors
    /// If there is no such service, or no daemon.
    pub fn has_shares(&self, vip: SocketAddr, wanted: &[f64]) -> Result<bool> {
        let members = status::members(&status::read(&self.site)?, &vip.to_string())?;
        Ok(self.site.members.iter().zip(wanted).all(|(host, wanted)| {
            let member = members.get(&host.address_for(vip).to_string());
            let share = member.map_or(0.0, |member| member.share);
            (share - wanted).abs() < SHARE_PRECISION
        }))
    }

    /// Opens connections to see that they are spread by these weights, and that none fails.
    ///
    /// # Errors
    /// If they are not; with what is wrong.
    pub fn check_spread(&self, vip: SocketAddr, weights: &[u16]) -> Result<()> {
        let client = &self.site.client.namespace;
        let tally = http::sample(client, vip, SAMPLE, SAMPLE_TIME)?;
        ensure!(tally.failed() == 0, "{vip}: {:?}", tally.failures);
        match judge::connections(&tally, &self.asked(weights)) {
            Some(wrong) => bail!("{vip}: {wrong}"),
            None => Ok(()),
        }
    }

    /// Waits until the members' slots are in these proportions, and sees that new connections are.
    ///
    /// # Errors
    /// As [`Farm::await_shares`] and [`Farm::check_spread`].
    pub fn await_spread(&self, vip: SocketAddr, weights: &[u16]) -> Result<()> {
        self.await_shares(vip, weights)?;
        self.check_spread(vip, weights)
    }

    /// Waits until a member is in a state.
    ///
    /// # Errors
    /// As [`Farm::await_shares`].
    pub fn await_state(&self, vip: SocketAddr, number: usize, state: &str) -> Result<()> {
        let what = format!("member {} to be {state}", number + 1);
        until_true(EFFECT, &what, || {
            Ok(self.member(vip, number)?.state == state)
        })
        .with_context(|| self.explain())
    }

    /// Names of the members with the shares that their weights ask for.
    pub fn asked(&self, weights: &[u16]) -> Vec<(String, f64)> {
        let names = self.site.members.iter().map(|member| member.name.clone());
        names.zip(shares(weights)).collect()
    }

    /// What the balancer says, for a failure.
    fn explain(&self) -> String {
        let status = match status::read(&self.site) {
            Ok(status) => format!("{status:#}"),
            Err(error) => format!("{error:#}"),
        };
        let log = self.balancer.as_ref().map(Balancer::log);
        let gwm = self.gwm.as_ref().map(Gwm::log);
        format!(
            "status: {status}\nbalancer: {}\nGWM: {}",
            log.unwrap_or_default(),
            gwm.unwrap_or_default()
        )
    }
}

/// Weights as shares of their sum.
fn shares(weights: &[u16]) -> Vec<f64> {
    let sum: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
    weights
        .iter()
        .map(|weight| f64::from(*weight) / sum)
        .collect()
}
