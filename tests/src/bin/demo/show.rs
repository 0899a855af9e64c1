//! The site under load, and what is shown of it: builds, watches, waits, draws. What happens to it is `script`'s.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tests::lab::farm::Farm;
use tests::lab::http::{Load, Tally};
use tests::lab::judge;
use tests::lab::status;
use tests::lab::steady::Steady;

use crate::board::{Board, Row};
use crate::interrupt;
use crate::screen::Screen;
use crate::script::KILLED;
use crate::stage::{self, MEMBERS, PICTURE, vip};

/// Clients that open connections, and the pause of each between two.
const CLIENTS: usize = 24;
const PAUSE: Duration = Duration::from_millis(30);
/// Connections that stay open.
const STEADY: usize = 12;
/// Between two drawings of the board.
const FRAME: Duration = Duration::from_millis(100);
/// Between two looks at a state that is being waited for.
const LOOK: Duration = Duration::from_millis(2);
/// Until something that was done shows.
const DEADLINE: Duration = Duration::from_secs(15);
/// The board's connections are those of so many frames.
const WINDOW: usize = 15;

/// The site under load, and what is shown of it.
#[derive(Debug)]
pub(crate) struct Show {
    // Dropped in this order: load before the farm that it loads.
    pub(crate) load: Load,
    pub(crate) steady: Steady,
    pub(crate) farm: Farm,
    screen: Screen,
    pub(crate) weights: [u16; MEMBERS],
    /// Out of service by our own doing.
    pub(crate) out: [bool; MEMBERS],
    frames: VecDeque<Tally>,
    board: Board,
    /// All connections of the step.
    pub(crate) since_step: Tally,
    /// Those that must be spread as asked.
    watched: Tally,
    wrong: Vec<String>,
}

impl Show {
    /// Builds everything and starts the load.
    pub(crate) fn begin(mut screen: Screen, weights: [u16; MEMBERS]) -> Result<Self> {
        screen.say(PICTURE)?;
        let start = Instant::now();
        let farm = stage::build(&weights)?;
        interrupt::check()?;
        let client = &farm.site.client.namespace;
        let mut show = Self {
            steady: Steady::open(client, vip(), STEADY).context("long-lived connections")?,
            load: Load::start(client, vip(), CLIENTS, PAUSE)?,
            farm,
            screen,
            weights,
            out: [false; MEMBERS],
            frames: VecDeque::new(),
            board: Board::default(),
            since_step: Tally::default(),
            watched: Tally::default(),
            wrong: Vec::new(),
        };
        show.screen
            .say(&format!("Built in {:.1} s.", start.elapsed().as_secs_f64()))?;
        Ok(show)
    }

    /// Says how to look closer, and how to leave.
    pub(crate) fn invite(&mut self) -> Result<()> {
        let socket = self.farm.site.socket();
        self.screen.say(&format!(
            "Ctrl-C ends it and removes everything. From another terminal:\n  \
             curl --unix-socket {} http://edge/metrics",
            socket.display()
        ))
    }

    /// What was not as it should be.
    pub(crate) fn end(mut self) -> Result<Vec<String>> {
        self.load.stop()?;
        for (member, count) in self.steady.close()?.broken {
            if member != self.farm.site.members[KILLED].name {
                self.wrong
                    .push(format!("{count} long-lived connections to {member} broke"));
            }
        }
        Ok(self.wrong)
    }

    /// Says what is being done; counts from here.
    pub(crate) fn begin_step(&mut self, now: &str) {
        self.board.now = now.to_owned();
        self.load.take();
        self.since_step = Tally::default();
    }

    /// Judges the step by the connections that were watched, and tells of it.
    pub(crate) fn end_step(&mut self, line: &str) -> Result<()> {
        let asked: Vec<_> = (0..MEMBERS)
            .map(|member| (self.name(member), self.asked(member)))
            .collect();
        let mut wrong = judge::connections(&self.watched, &asked);
        if let Some((cause, count)) = self.since_step.failures.first_key_value() {
            wrong = Some(format!("{count} connections failed ({cause})"));
        }
        match wrong {
            None => self.screen.tell(line, true, &self.board),
            Some(wrong) => {
                self.wrong.push(wrong.clone());
                self.screen
                    .tell(&format!("{line}; but {wrong}"), false, &self.board)
            }
        }
    }

    /// Looks at the connections from now on; gives their number.
    pub(crate) fn watch(&mut self, duration: Duration) -> Result<u64> {
        self.look()?;
        self.watched = Tally::default();
        self.pause(duration)?;
        Ok(self.watched.total())
    }

    pub(crate) fn pause(&mut self, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        while Instant::now() < end {
            self.tick()?;
        }
        Ok(())
    }

    /// Waits until the slots are as asked.
    pub(crate) fn await_slots(&mut self) -> Result<()> {
        let wanted: Vec<f64> = (0..MEMBERS).map(|member| self.asked(member)).collect();
        self.await_true("the slots to be as asked", |show| {
            show.farm.has_shares(vip(), &wanted)
        })
    }

    /// Waits until a member answers again; says how long after `start` that connection was opened.
    pub(crate) fn await_answer(&mut self, name: &str, start: Instant) -> Result<Duration> {
        let mut opened = None;
        self.await_true("the first connection", |show| {
            let tally = show.load.take();
            show.since_step.add(&tally);
            opened = tally.latest.get(name).copied().filter(|time| *time > start);
            Ok(opened.is_some())
        })?;
        self.await_slots()?;
        let opened = opened.context("just seen")?;
        Ok(opened.saturating_duration_since(start))
    }

    /// Waits for something that must come, and draws meanwhile.
    fn await_true(
        &mut self,
        what: &str,
        mut ask: impl FnMut(&mut Self) -> Result<bool>,
    ) -> Result<()> {
        let start = Instant::now();
        let mut drawn = start;
        while !ask(self)? {
            interrupt::check()?;
            if start.elapsed() > DEADLINE {
                bail!("waited {DEADLINE:?} in vain for {what}");
            }
            if drawn.elapsed() > FRAME {
                self.look()?;
                drawn = Instant::now();
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// One frame.
    pub(crate) fn tick(&mut self) -> Result<()> {
        interrupt::check()?;
        thread::sleep(FRAME);
        self.look()
    }

    /// Counts and draws.
    fn look(&mut self) -> Result<()> {
        let tally = self.load.take();
        self.since_step.add(&tally);
        self.watched.add(&tally);
        self.frames.push_back(tally);
        if self.frames.len() > WINDOW {
            self.frames.pop_front();
        }
        let mut window = Tally::default();
        for frame in &self.frames {
            window.add(frame);
        }
        let steady = self.steady.report();
        self.board.rate = window.total() as f64 / (self.frames.len() as f64 * FRAME.as_secs_f64());
        self.board.open = steady.open.values().sum();
        self.board.broken = steady.broken.values().sum();
        self.board.rows = self.rows(&window)?;
        self.screen.draw(&self.board)
    }

    fn rows(&self, window: &Tally) -> Result<Vec<Row>> {
        // While no daemon runs nobody can be asked, and no slot moves.
        let members = match self.farm.balancer {
            Some(_) => Some(status::members(
                &status::read(&self.farm.site)?,
                &vip().to_string(),
            )?),
            None => None,
        };
        let row = |member: usize| {
            let name = self.name(member);
            let slots = match &members {
                Some(members) => members
                    .get(&stage::key(&self.farm, member))
                    .map(|it| it.share),
                None => self.board.rows.get(member).map(|row| row.slots),
            };
            Row {
                weight: if self.out[member] {
                    "out".to_owned()
                } else {
                    self.weights[member].to_string()
                },
                asked: self.asked(member),
                slots: slots.unwrap_or_default(),
                observed: window.share(&name),
                name,
            }
        };
        Ok((0..MEMBERS).map(row).collect())
    }

    /// The share that a member's weight asks for.
    fn asked(&self, member: usize) -> f64 {
        let weight = |member: usize| match self.out[member] {
            true => 0.0,
            false => f64::from(self.weights[member]),
        };
        weight(member) / (0..MEMBERS).map(weight).sum::<f64>()
    }

    pub(crate) fn name(&self, member: usize) -> String {
        self.farm.site.members[member].name.clone()
    }
}
