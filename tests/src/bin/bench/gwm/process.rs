//! The real GWM on one core, balancers on another, TCP over loopback; new weights come as a new `gwm.toml`.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::{Pid, SysconfVar, sysconf};
use sasp_ctl::sasp::code::VERSION;
use sasp_ctl::sasp::codec::{decode, encode};
use sasp_ctl::sasp::frame::Deframer;
use sasp_ctl::sasp::msg::{Body, Message};
use tests::lab::process::Process;
use tests::lab::wait::until;

use super::{
    BALANCERS, GROUPS, MEMBERS_PER_GROUP, group_name, introduction, key, resident_kib, uid, weight,
};

const PATIENCE: Duration = Duration::from_secs(60);
const MESSAGE_MAX: usize = 16 << 20;
/// Lines of memory that are printed.
const LOOKS: u32 = 6;

/// When the next weights come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    EverySecond,
    /// When all balancers have the last ones.
    AtOnce,
}

pub(super) fn run(rounds: u32, pace: Pace) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let config = directory.path().join("gwm.toml");
    let address = free_address()?;
    write(&config, 0)?;
    bind_to_cpu(0)?;
    let gwm = start(directory.path(), &config, address);
    bind_to_cpu(1)?;
    let gwm = gwm?;
    let id = gwm.id().to_string();
    let (heard, has_heard) = mpsc::channel();
    for number in 0..BALANCERS {
        let balancer = Balancer::connect(number, address).with_context(|| gwm.log())?;
        let heard = heard.clone();
        thread::spawn(move || balancer.listen(|weight| heard.send(weight).is_ok()));
    }
    let until_all_have = |wanted: u16| -> Result<()> {
        let mut left = BALANCERS;
        while left > 0 {
            let weight = has_heard
                .recv_timeout(PATIENCE)
                .context("a balancer got no push")?;
            left -= u32::from(weight == wanted);
        }
        Ok(())
    };
    until_all_have(weight(0, 0))?;
    let (mut slowest, mut busy) = (Duration::ZERO, Duration::ZERO);
    let (began, used) = (Instant::now(), cpu_time(&id)?);
    for round in 1..=rounds {
        let started = Instant::now();
        write(&config, round)?;
        until_all_have(weight(round, 0))?;
        let took = started.elapsed();
        slowest = slowest.max(took);
        busy += took;
        if round == 1 || round % rounds.div_ceil(LOOKS) == 0 {
            println!(
                "  after {round:>5} changes   {:>8} MiB resident",
                resident_kib(&id)? / 1024
            );
        }
        if pace == Pace::EverySecond {
            // The rest of the second, if there is one.
            thread::sleep(
                (began + Duration::from_secs(u64::from(round)))
                    .saturating_duration_since(Instant::now()),
            );
        }
    }
    let share = (cpu_time(&id)? - used).as_secs_f64() / began.elapsed().as_secs_f64();
    println!("  one core in use     {:>8.0} %", share * 100.0);
    println!(
        "  change to last push {:>8.0} ms on average, {:.0} ms at worst",
        busy.as_secs_f64() * 1e3 / f64::from(rounds),
        slowest.as_secs_f64() * 1e3
    );
    gwm.stop()?;
    Ok(())
}

fn start(directory: &Path, config: &Path, address: SocketAddr) -> Result<Process> {
    let program = std::env::current_exe()?.with_file_name("sasp-ctl");
    let mut command = Command::new(program);
    command
        .args([
            "--log",
            "warn",
            "gwm",
            "--listen",
            &address.to_string(),
            "--config",
        ])
        .arg(config)
        .env("SASP_CTL_RUN_DIR", directory);
    let gwm = Process::start("sasp-ctl gwm", &mut command, &directory.join("log"))?;
    until(PATIENCE, "the GWM to listen", || {
        Ok(TcpStream::connect(address).ok())
    })?;
    Ok(gwm)
}

/// One that nobody uses at this moment.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

fn bind_to_cpu(cpu: usize) -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &cpus).with_context(|| format!("binding to CPU {cpu}"))
}

/// Replaces the file as a whole, so that no half of it is read.
fn write(config: &Path, round: u32) -> Result<()> {
    let mut text = String::from("interval = \"60s\"\n");
    for group in 0..GROUPS {
        write!(
            text,
            "[[weights]]\ngroup = \"{}\"\nsource = \"static\"\nmembers = {{ ",
            group_name(group)?
        )?;
        for index in 0..MEMBERS_PER_GROUP {
            let comma = if index == 0 { "" } else { ", " };
            write!(
                text,
                "{comma}\"{}\" = {}",
                key(group, index),
                weight(round, index)
            )?;
        }
        text.push_str(" }\n");
    }
    let new = config.with_extension("new");
    fs::write(&new, text)?;
    fs::rename(&new, config).context("replacing gwm.toml")
}

/// CPU time that a process has used.
fn cpu_time(process: &str) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Behind the name, which may hold anything: utime and stime are fields 14 and 15, counted from 1.
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>())
        .sum::<Result<_, _>>()?;
    let per_second = sysconf(SysconfVar::CLK_TCK)?.context("ticks of a second")?;
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// A balancer that takes every push.
struct Balancer {
    stream: TcpStream,
}

impl Balancer {
    fn connect(number: u32, address: SocketAddr) -> Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        for body in introduction(&uid(number)?)? {
            let message = Message {
                version: VERSION,
                id: 1,
                body,
            };
            stream.write_all(&encode(&message)?)?;
        }
        Ok(Self { stream })
    }

    /// Says the first weight of each complete push until nobody wants to hear it, or the GWM has ended.
    fn listen(mut self, mut heard: impl FnMut(u16) -> bool) -> Result<()> {
        let mut deframer = Deframer::new(MESSAGE_MAX);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = self.stream.read(&mut buffer)?;
            if read == 0 {
                return Ok(());
            }
            deframer.push(&buffer[..read]);
            while let Some(frame) = deframer.next()? {
                let Body::SendWeights(push) = decode(&frame)?.message.body else {
                    continue;
                };
                let weights: Vec<u16> = push
                    .groups
                    .iter()
                    .filter_map(|group| Some(group.items.first()?.weight))
                    .collect();
                ensure!(
                    weights.len() == GROUPS as usize,
                    "a push without some groups"
                );
                let [first, ..] = weights[..] else { continue };
                ensure!(
                    weights.iter().all(|weight| *weight == first),
                    "a push of two rounds"
                );
                if !heard(first) {
                    return Ok(());
                }
            }
        }
    }
}
