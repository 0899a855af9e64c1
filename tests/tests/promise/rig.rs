//! A site whose members run servers for thousands, with a balancer in front and a GWM if wanted.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tests::lab::balancer::{done, write_config};
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::site::{Site, VIP4};
use tests::lab::status;
use tests::lab::wait::until_true;
use tokio::runtime::{Builder, Runtime};

use crate::crowd::{Crowd, Manners};
use crate::dice::Dice;
use crate::echo::Echo;
use crate::exchange::Life;

pub(crate) const GROUP: &str = "FARM1";
pub(crate) const VIP: SocketAddr = SocketAddr::new(IpAddr::V4(VIP4), 80);
/// Both ends of them are ours: twice as many descriptors.
pub(crate) const CLIENTS: usize = 3000;
pub(crate) const EFFECT: Duration = Duration::from_secs(15);

/// A process has 20,000 descriptors on some machines: enough for one crowd at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Servers end before the namespaces that they run in.
pub(crate) struct Rig {
    /// By member; nobody where the server is dead.
    pub(crate) servers: Vec<Option<Echo>>,
    /// By member: of the server that runs, or of the last one.
    pub(crate) lives: Vec<Life>,
    pub(crate) farm: Farm,
    born: Life,
    _alone: MutexGuard<'static, ()>,
}

impl Rig {
    pub(crate) fn new(members: u8) -> Result<Self> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
        let site = Site::new(members)?;
        let count = site.members.len();
        let mut rig = Self {
            servers: (0..count).map(|_| None).collect(),
            lives: vec![0; count],
            farm: Farm {
                balancer: None,
                gwm: None,
                servers: Vec::new(),
                site,
            },
            born: 0,
            _alone: alone,
        };
        for member in 0..count {
            rig.revive(member)?;
        }
        Ok(rig)
    }

    /// Starts a member's server in a new life, after the end of the old one if that has not come yet.
    pub(crate) fn revive(&mut self, member: usize) -> Result<()> {
        self.servers[member] = None;
        self.born += 1;
        self.lives[member] = self.born;
        self.servers[member] = Some(Echo::start(&self.farm.site.members[member], self.born)?);
        Ok(())
    }

    pub(crate) fn gather(&self, restless: bool, idle: Duration, dice: &mut Dice) -> Result<Crowd> {
        let manners = Manners {
            clients: CLIENTS,
            idle,
            restless,
        };
        Crowd::gather(&self.farm.site.client.namespace, VIP, manners, dice)
    }

    /// A member's address as the config has it.
    pub(crate) fn address(&self, member: usize) -> String {
        self.farm.site.members[member].address_for(VIP).to_string()
    }

    /// The service with static weights; without the members that have none.
    pub(crate) fn service(&self, weights: &[Option<u16>], extra: &str) -> String {
        let members: Vec<String> = (0..)
            .zip(weights)
            .filter_map(|(member, weight)| {
                let address = self.address(member);
                weight.map(|weight| format!("{{ address = \"{address}\", weight = {weight} }}"))
            })
            .collect();
        config::service_of(GROUP, VIP, "tcp", &members.join(", "), extra)
    }

    /// Reads the config anew, and waits until the table that it makes is published.
    pub(crate) fn reload(&self, config: &str) -> Result<()> {
        let before = self.tables()?;
        write_config(&self.farm.site, config)?;
        done(&self.farm.site, &["reload"])?;
        until_true(EFFECT, "a new table", || Ok(self.tables()? > before))
    }

    /// Tables published since the daemon started.
    pub(crate) fn tables(&self) -> Result<u64> {
        let status = status::read(&self.farm.site)?;
        status["tables"]["published"]
            .as_u64()
            .context("tables.published")
    }
}

/// All of it on the thread that runs it: sockets belong to the namespace of the thread that makes them.
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}
