//! What happens, step by step, and one line about each: what it was, and how long it took to show.

use std::time::{Duration, Instant};

use anyhow::Result;
use tests::lab::balancer::done;
use tests::lab::nginx::Nginx;

use crate::show::Show;
use crate::stage::{self, GROUP, MEMBERS, vip};

/// How long the connections are watched after a step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace(Duration);

/// For a run of less than a minute.
pub(crate) const SHORT: Pace = Pace(Duration::from_millis(3000));
/// For people.
pub(crate) const LONG: Pace = Pace(Duration::from_secs(6));

/// The weights at first.
pub(crate) const EQUAL: [u16; MEMBERS] = [20, 20, 20];
const UNEQUAL: [u16; MEMBERS] = [40, 20, 10];
const QUIESCED: usize = 1;
/// The member that dies.
pub(crate) const KILLED: usize = 2;

impl Show {
    /// Every step once.
    pub(crate) fn play(&mut self, pace: Pace) -> Result<()> {
        if self.weights == EQUAL {
            self.look_on(pace)?;
        } else {
            self.weigh(EQUAL, pace)?;
        }
        self.weigh(UNEQUAL, pace)?;
        self.quiesce(pace)?;
        self.resume(pace)?;
        self.kill_member(pace)?;
        self.revive_member(pace)?;
        self.kill_daemon(pace)
    }

    fn look_on(&mut self, pace: Pace) -> Result<()> {
        self.begin_step("all members weigh the same");
        let count = self.watch(pace.0)?;
        self.end_step(&format!(
            "three members of equal weight: {count} connections in {}",
            spoken(pace.0)
        ))
    }

    fn weigh(&mut self, weights: [u16; MEMBERS], pace: Pace) -> Result<()> {
        let [first, second, third] = weights;
        let asked = format!("{first} : {second} : {third}");
        self.begin_step(&format!("gwm.toml now says {asked}"));
        let start = Instant::now();
        self.weights = weights;
        self.farm
            .set_weights(&[self.farm.weights(GROUP, vip(), &weights)])?;
        self.await_slots()?;
        let took = spoken(start.elapsed());
        let count = self.watch(pace.0)?;
        self.end_step(&format!(
            "GWM says {asked}: slots moved after {took}, {count} connections as asked"
        ))
    }

    fn quiesce(&mut self, pace: Pace) -> Result<()> {
        let key = stage::key(&self.farm, QUIESCED);
        self.begin_step(&format!("sasp-ctl quiesce {GROUP} {key}"));
        let name = self.name(QUIESCED);
        let start = Instant::now();
        done(&self.farm.site, &["quiesce", GROUP, &key])?;
        self.out[QUIESCED] = true;
        self.await_slots()?;
        self.watch(pace.0)?;
        let latest = self.since_step.latest.get(&name).copied();
        let took = spoken(latest.unwrap_or(start).saturating_duration_since(start));
        let open = self.steady.report().open.get(&name).copied().unwrap_or(0);
        self.end_step(&format!(
            "{name} quiesced: last new connection after {took}, its {open} open ones stay"
        ))
    }

    fn resume(&mut self, pace: Pace) -> Result<()> {
        let key = stage::key(&self.farm, QUIESCED);
        self.begin_step(&format!("sasp-ctl resume {GROUP} {key}"));
        let name = self.name(QUIESCED);
        let start = Instant::now();
        done(&self.farm.site, &["resume", GROUP, &key])?;
        self.out[QUIESCED] = false;
        let took = spoken(self.await_answer(&name, start)?);
        self.watch(pace.0)?;
        self.end_step(&format!(
            "{name} resumed: first new connection after {took}"
        ))
    }

    fn kill_member(&mut self, pace: Pace) -> Result<()> {
        let name = self.name(KILLED);
        self.begin_step(&format!("{name} is dead: nginx killed, cable pulled"));
        let start = Instant::now();
        let site = &self.farm.site;
        if let Some(server) = self.farm.servers[KILLED].take() {
            server.kill()?;
        }
        site.plug(&site.members[KILLED], false)?;
        self.out[KILLED] = true;
        self.await_slots()?;
        let took = spoken(start.elapsed());
        // Clients that were waiting for the dead member give up now.
        self.pause(Duration::from_secs(1))?;
        let lost = std::mem::take(&mut self.since_step).failed();
        self.watch(pace.0)?;
        self.end_step(&format!(
            "{name} dies: ARP finds out after {took}, {lost} connections lost until then"
        ))
    }

    fn revive_member(&mut self, pace: Pace) -> Result<()> {
        let name = self.name(KILLED);
        self.begin_step(&format!("{name} comes back"));
        let start = Instant::now();
        let site = &self.farm.site;
        site.plug(&site.members[KILLED], true)?;
        self.farm.servers[KILLED] = Some(Nginx::start(site, &site.members[KILLED])?);
        self.out[KILLED] = false;
        let took = spoken(self.await_answer(&name, start)?);
        self.watch(pace.0)?;
        self.end_step(&format!(
            "{name} is back: first new connection after {took}"
        ))
    }

    fn kill_daemon(&mut self, pace: Pace) -> Result<()> {
        self.begin_step("sasp-ctl attach is killed (-9); the kernel goes on alone");
        self.farm.kill_balancer()?;
        let start = Instant::now();
        self.watch(pace.0 / 2)?;
        let away = spoken(start.elapsed());
        stage::attach(&mut self.farm)?;
        self.watch(pace.0 / 2)?;
        let (count, failed) = (self.since_step.total(), self.since_step.failed());
        self.end_step(&format!(
            "sasp-ctl killed, started again {away} later: {count} connections, {failed} failed"
        ))
    }
}

/// As people say it: `14 ms`, `2.3 s`.
fn spoken(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}
