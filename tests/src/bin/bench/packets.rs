//! Net nanoseconds per packet of the XDP program, by `BPF_PROG_TEST_RUN`.
//!
//! A repeated program is fed its own output, so a helper program restores the frame before every run, gives it the
//! next flow, and tail-calls the program under test. The same with a program that does nothing gives the cost of that;
//! the difference of the minima over interleaved rounds is printed.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use aya::maps::{Array, ArrayOfMaps, HashMap, ProgramArray};
use aya::programs::{ProgramFd, TestRun as _, TestRunOptions, Xdp};
use aya::{Ebpf, EbpfLoader};
use sasp_xdp_common::abi::backend::{Backend, USABLE};
use sasp_xdp_common::abi::bench::{FRAME, Template};
use sasp_xdp_common::abi::names;
use sasp_xdp_common::abi::service::{Service, Vip4, Vip6};
use sasp_xdp_common::abi::slot::{Slot, Table};

const ROUNDS: usize = 9;
const REPEAT: u32 = 500_000;
const BACKENDS: u16 = 100;
const XDP_PASS: u32 = 2;
const XDP_TX: u32 = 3;

struct Case {
    name: String,
    /// The XDP action that the balancer must give: a benchmark of the wrong way is worth nothing.
    verdict: u32,
    template: Template,
}

pub(crate) fn run() -> Result<()> {
    let mut balancer = load_balancer()?;
    let mut helpers = load_helpers()?;
    let cases = cases();
    let balancer = program(&mut balancer, names::PROGRAM)?;
    let stub = program(&mut helpers, "stub")?;
    let reference = program(&mut helpers, "reference")?;
    program(&mut helpers, "restore")?;
    let mut best = vec![[Duration::MAX; 3]; cases.len()];
    let mut last = 0;
    for _ in 0..ROUNDS {
        for (case, best) in cases.iter().zip(&mut best) {
            for (target, best) in [&stub, &reference, &balancer]
                .into_iter()
                .zip(best.iter_mut())
            {
                let (duration, verdict) = measure(&mut helpers, case, target)?;
                *best = duration.min(*best);
                last = verdict;
            }
            ensure!(last == case.verdict, "{}: XDP action {last}", case.name);
        }
    }
    println!("{:<34} {:>8} {:>8} {:>8}", "case", "ns", "ref ns", "ratio");
    for (case, [stub, reference, balancer]) in cases.iter().zip(best) {
        let own = balancer.as_nanos() as f64 - stub.as_nanos() as f64;
        let reference = reference.as_nanos() as f64 - stub.as_nanos() as f64;
        println!(
            "{:<34} {own:>8.0} {reference:>8.0} {:>8.1}",
            case.name,
            own / reference
        );
    }
    Ok(())
}

fn measure(helpers: &mut Ebpf, case: &Case, target: &ProgramFd) -> Result<(Duration, u32)> {
    let mut template: Array<_, Template> =
        Array::try_from(helpers.map_mut("TEMPLATE").context("TEMPLATE")?)?;
    template.set(0, case.template, 0)?;
    let mut targets = ProgramArray::try_from(helpers.map_mut("TARGET").context("TARGET")?)?;
    targets.set(0, target, 0)?;
    let restore: &mut Xdp = helpers
        .program_mut("restore")
        .context("restore")?
        .try_into()?;
    let result = restore.test_run(TestRunOptions {
        data_in: Some(&case.template.frame),
        repeat: REPEAT,
        ..TestRunOptions::default()
    })?;
    Ok((result.duration, result.return_value))
}

fn program(object: &mut Ebpf, name: &str) -> Result<ProgramFd> {
    let program: &mut Xdp = object
        .program_mut(name)
        .context(name.to_owned())?
        .try_into()?;
    program.load()?;
    Ok(program.fd()?.try_clone()?)
}

fn object(name: &str) -> Result<Vec<u8>> {
    let dir = std::env::var("BPF_DIR").unwrap_or("target/bpf".into());
    std::fs::read(format!("{dir}/{name}")).context("reading the BPF object")
}

fn load_helpers() -> Result<Ebpf> {
    Ok(EbpfLoader::new().load(&object("sasp-xdp-bench")?)?)
}

fn load_balancer() -> Result<Ebpf> {
    let mut balancer = EbpfLoader::new()
        .override_global("AYA_LOG_LEVEL", &0_u8, true)
        .override_global(names::SEED, &0x5a5a_1234_u64, true)
        .load(&object("sasp-xdp")?)?;
    let mut backends: Array<_, Backend> =
        Array::try_from(balancer.map_mut(names::BACKENDS).context("map")?)?;
    for index in 1..=BACKENDS {
        let mac = [2, 0, 0, 0, 0, index as u8, 2, 0, 0, 0, 0, 0];
        let record = Backend {
            flags: USABLE,
            generation: 1,
            ifindex: 1,
            macs: mac,
            ..Backend::default()
        };
        backends.set(index.into(), record, 0)?;
    }
    let mut table: Box<Table> = vec![Slot::EMPTY; 65536]
        .into_boxed_slice()
        .try_into()
        .ok()
        .context("table")?;
    for (index, slot) in table.iter_mut().enumerate() {
        *slot = Slot::stable(1 + (index as u32).wrapping_mul(2_654_435_769) as u16 % BACKENDS);
    }
    let inner: Array<_, Table> = Array::create(1, 0)?;
    let mut inner = inner;
    inner.set(0, *table, 0)?;
    let mut tables: ArrayOfMaps<_, Array<aya::maps::MapData, Table>> =
        ArrayOfMaps::try_from(balancer.map_mut(names::TABLES).context("map")?)?;
    tables.set(0, &inner, 0)?;
    let mut services: HashMap<_, Vip4, Service> =
        HashMap::try_from(balancer.map_mut(names::SERVICES_V4).context("map")?)?;
    let vip = Vip4 {
        address: [10, 0, 0, 100],
        port: 80_u16.to_be_bytes(),
        protocol: 6,
        reserved: 0,
    };
    services.insert(vip, Service { id: 0, flags: 0 }, 0)?;
    let mut services: HashMap<_, Vip6, Service> =
        HashMap::try_from(balancer.map_mut(names::SERVICES_V6).context("map")?)?;
    let vip = Vip6 {
        address: V6_VIP,
        port: 80_u16.to_be_bytes(),
        protocol: 6,
        reserved: 0,
    };
    services.insert(vip, Service { id: 0, flags: 0 }, 0)?;
    Ok(balancer)
}

const V6_VIP: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x64];

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (family, make) in [("v4", v4 as fn(u8, u16) -> Template), ("v6", v6)] {
        for (kind, flags) in [("established", 0x10), ("new", 0x02)] {
            for flows in [1, 65_536, 500_000] {
                let template = Template {
                    flows,
                    ..make(flags, 80)
                };
                cases.push(Case {
                    verdict: XDP_TX,
                    name: format!("DSR {family} {kind} {flows} flows"),
                    template,
                });
            }
        }
        let template = Template {
            flows: 65_536,
            ..make(0x10, 81)
        };
        cases.push(Case {
            verdict: XDP_PASS,
            name: format!("PASS {family} other port"),
            template,
        });
    }
    cases
}

fn v4(flags: u8, port: u16) -> Template {
    let mut frame = [0; FRAME];
    frame[12..16].copy_from_slice(&[0x08, 0x00, 0x45, 0]);
    frame[16..18].copy_from_slice(&((FRAME - 14) as u16).to_be_bytes());
    frame[22..24].copy_from_slice(&[64, 6]);
    frame[26..34].copy_from_slice(&[192, 0, 2, 1, 10, 0, 0, 100]);
    frame[36..38].copy_from_slice(&port.to_be_bytes());
    frame[46] = 0x50;
    frame[47] = flags;
    Template {
        frame,
        address_at: 27,
        port_at: 34,
        flows: 1,
    }
}

fn v6(flags: u8, port: u16) -> Template {
    let mut frame = [0; FRAME];
    frame[12..15].copy_from_slice(&[0x86, 0xdd, 0x60]);
    frame[18..20].copy_from_slice(&((FRAME - 54) as u16).to_be_bytes());
    frame[20..22].copy_from_slice(&[6, 64]);
    frame[22..26].copy_from_slice(&[0x20, 1, 0xd, 0xb8]);
    frame[38..54].copy_from_slice(&V6_VIP);
    frame[56..58].copy_from_slice(&port.to_be_bytes());
    frame[66] = 0x50;
    frame[67] = flags;
    Template {
        frame,
        address_at: 34,
        port_at: 54,
        flows: 1,
    }
}
