//! Everything that may happen to a farm, at random, under thousands of connections.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tests::lab::balancer::done;
use tests::lab::gwm::Gwm;
use tests::lab::wait::until_true;

use crate::crowd::Crowd;
use crate::dice::Dice;
use crate::rig::{CLIENTS, EFFECT, GROUP, Rig, VIP};

const MEMBERS: u8 = 5;
/// Longer than any client is silent; short, so that slots go through their whole life while the test runs.
const IDLE: Duration = Duration::from_secs(6);
/// An address of the edge that full-nat may use.
const POOL: &str = "192.0.2.250";

/// What may happen.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The GWM gives all members other weights.
    Weigh,
    /// The operator quiesces a member, or resumes the one that is.
    Drain,
    /// A member's server is killed, or comes back.
    Die,
    /// A member is taken out of the config, or put back.
    Remove,
    /// The daemon is killed; the next one replaces the program.
    Restart,
}

const DECK: [(Act, usize); 5] = [
    (Act::Weigh, 20),
    (Act::Drain, 8),
    (Act::Die, 8),
    (Act::Remove, 8),
    (Act::Restart, 6),
];

struct Turmoil {
    rig: Rig,
    dice: Dice,
    forward: &'static str,
    hash_seed: u64,
    drained: Option<usize>,
    dead: Option<usize>,
    removed: Option<usize>,
}

#[test]
fn no_connection_to_a_living_member_breaks_whatever_happens() {
    promise("dsr", Duration::from_secs(20));
}

#[test]
fn nor_does_one_whose_replies_the_balancer_translates() {
    promise("nat", Duration::from_secs(8));
}

#[test]
fn nor_does_one_that_the_balancer_translates_both_ways() {
    promise("full-nat", Duration::from_secs(8));
}

/// After `time` no more happens than each kind of act once; what has been begun is brought to an end.
fn promise(forward: &'static str, time: Duration) {
    let (mut dice, hash_seed) = Dice::throw().unwrap();
    let mut turmoil = Turmoil {
        rig: Rig::new(MEMBERS).unwrap(),
        dice: dice.split(),
        forward,
        hash_seed,
        drained: None,
        dead: None,
        removed: None,
    };
    turmoil.begin().unwrap();
    let crowd = turmoil.rig.gather(true, IDLE, &mut dice).unwrap();
    let before = crowd.seen();
    let done = turmoil.rage(&crowd, time).unwrap();
    turmoil.calm(&crowd).unwrap();
    crowd.everyone_answered().unwrap();
    let seen = crowd.disperse().unwrap();
    println!(
        "{forward}: {CLIENTS} clients, {} answers, {} connections opened, {} of them in the turmoil; \
         {} lost with their server, {} by silence, {} otherwise; {} acts: {done:?}",
        seen.answers,
        seen.opened,
        seen.opened - before.opened,
        seen.excused,
        seen.late,
        seen.broken.len(),
        done.len()
    );
    assert!(seen.broken.is_empty(), "{:?}", seen.broken);
    assert!(seen.refused.is_empty(), "{:?}", seen.refused);
    let happened = seen.opened > before.opened && seen.excused > 0;
    assert!(happened, "nothing has happened");
}

impl Turmoil {
    fn begin(&mut self) -> Result<()> {
        if self.forward != "dsr" {
            self.rig.farm.site.route_by_edge(POOL)?;
        }
        let rules = self.rules();
        let site = &self.rig.farm.site;
        self.rig.farm.gwm = Some(Gwm::start_with(site, &site.gwm, &rules)?);
        let config = self.config();
        self.rig.farm.attach(&config, &[])?;
        for member in 0..self.rig.lives.len() {
            self.rig.farm.await_state(VIP, member, "active")?;
        }
        Ok(())
    }

    /// Acts as the deck says. Gives what has happened.
    fn rage(&mut self, crowd: &Crowd, time: Duration) -> Result<Vec<Act>> {
        // Each of them once, whatever the time, and then the rest.
        let mut deck = DECK.map(|(act, _)| act).to_vec();
        self.dice.shuffle(&mut deck);
        let mut rest: Vec<Act> = DECK
            .iter()
            .flat_map(|&(act, times)| vec![act; times - 1])
            .collect();
        self.dice.shuffle(&mut rest);
        deck.append(&mut rest);
        let (start, mut done) = (Instant::now(), Vec::new());
        for act in deck {
            if start.elapsed() > time && done.len() >= DECK.len() {
                break;
            }
            self.act(act, crowd)
                .with_context(|| format!("{act:?} after {done:?}"))?;
            done.push(act);
            std::thread::sleep(self.dice.millis(0, 500));
        }
        Ok(done)
    }

    /// Everybody comes back.
    fn calm(&mut self, crowd: &Crowd) -> Result<()> {
        for (act, pending) in [
            (Act::Drain, self.drained.is_some()),
            (Act::Die, self.dead.is_some()),
            (Act::Remove, self.removed.is_some()),
        ] {
            if pending {
                self.act(act, crowd)?;
            }
        }
        Ok(())
    }

    fn act(&mut self, act: Act, crowd: &Crowd) -> Result<()> {
        match act {
            Act::Weigh => self.weigh(),
            Act::Drain => self.drain(),
            Act::Die => self.die(crowd),
            Act::Remove => self.remove(crowd),
            Act::Restart => self.restart(crowd),
        }
    }

    fn weigh(&mut self) -> Result<()> {
        let rules = self.rules();
        self.rig
            .farm
            .gwm
            .as_ref()
            .context("no GWM")?
            .rewrite(&rules)
    }

    fn drain(&mut self) -> Result<()> {
        let (command, member) = match self.drained.take() {
            Some(member) => ("resume", member),
            None => {
                let member = self.someone();
                self.drained = Some(member);
                ("quiesce", member)
            }
        };
        done(
            &self.rig.farm.site,
            &[command, GROUP, &self.rig.address(member)],
        )?;
        Ok(())
    }

    fn die(&mut self, crowd: &Crowd) -> Result<()> {
        if let Some(member) = self.dead.take() {
            self.rig.revive(member)?;
            return self.rig.farm.await_state(VIP, member, "active");
        }
        let member = self.someone();
        self.dead = Some(member);
        crowd.excuse(self.rig.lives[member], || {
            let before = self.rig.tables()?;
            self.rig.servers[member] = None;
            self.rig.farm.await_state(VIP, member, "down")?;
            // It had no slots if its weight was 0.
            until_true(EFFECT, "a table without it", || {
                Ok(self.rig.tables()? > before || self.rig.farm.member(VIP, member)?.slots == 0)
            })
        })
    }

    fn remove(&mut self, crowd: &Crowd) -> Result<()> {
        if let Some(member) = self.removed.take() {
            // Those of its clients that have not spoken meanwhile meet a server that does not know them.
            self.rig.revive(member)?;
            return self.rig.reload(&self.config());
        }
        let member = self.someone();
        self.removed = Some(member);
        let config = self.config();
        crowd.excuse(self.rig.lives[member], || self.rig.reload(&config))
    }

    fn restart(&mut self, crowd: &Crowd) -> Result<()> {
        self.rig.farm.kill_balancer()?;
        let config = self.config();
        let Some(dead) = self.dead else {
            return self.rig.farm.attach(&config, &[]);
        };
        // The new daemon learns from the GWM that it is dead.
        crowd.excuse(self.rig.lives[dead], || {
            self.rig.farm.attach(&config, &[])?;
            self.rig.farm.await_state(VIP, dead, "down")
        })
    }

    /// A member to whom nothing has been done.
    fn someone(&mut self) -> usize {
        loop {
            let member = self.dice.below(self.rig.lives.len());
            if ![self.drained, self.dead, self.removed].contains(&Some(member)) {
                return member;
            }
        }
    }

    /// The GWM's rules, with weights of chance. Contact is what a probe says.
    fn rules(&mut self) -> String {
        let weights: Vec<String> = (0..self.rig.lives.len())
            .map(|member| {
                format!(
                    "\"{}\" = {}",
                    self.rig.address(member),
                    1 + self.dice.below(9)
                )
            })
            .collect();
        format!(
            "[[weights]]\ngroup = \"{GROUP}\"\nsource = \"probe\"\ninterval = \"100ms\"\nfall = 2\n\
             [[weights]]\ngroup = \"{GROUP}\"\nsource = \"static\"\nmembers = {{ {} }}\n",
            weights.join(", ")
        )
    }

    fn config(&self) -> String {
        let weights: Vec<_> = (0..self.rig.lives.len())
            .map(|member| (self.removed != Some(member)).then_some(1))
            .collect();
        let pool = match self.forward {
            "full-nat" => format!("full_nat = {{ addresses = [\"{POOL}\"] }}\n"),
            _ => String::new(),
        };
        let extra = format!(
            "idle = \"{}s\"\nforward = \"{}\"",
            IDLE.as_secs(),
            self.forward
        );
        format!(
            "[balancer]\nuid = \"edge-1\"\nhash_seed = {}\n{pool}\
             [[gwm]]\naddress = \"{}\"\nretry_min = \"1s\"\n{}",
            self.hash_seed as i64,
            self.rig.farm.site.gwm.ipv4(),
            self.rig.service(&weights, &extra)
        )
    }
}
