//! From nothing, or from what a former daemon has left, to a running data plane.
//!
//! A new one is made in two steps: the maps are pinned as a whole, and then it goes on as if they had been found.

use std::fs::File;

use sasp_xdp_common::abi::names;

use super::error::Error;
use super::links::Plan;
use super::lock::Lock;
use super::map::Map;
use super::maps::Maps;
use super::object::Object;
use super::options::{Options, Sizes};
use super::pins::Pins;
use super::{Datapath, bpffs, layout, object, preflight, upkeep};
use crate::balance::change::Adopted;

pub(super) fn attach(options: &Options) -> Result<Datapath, Error> {
    object::check()?;
    preflight::check()?;
    layout::check_sizes(&options.sizes)?;
    let lock = Lock::take(&options.places.run, &options.instance)?;
    let bpffs = bpffs::find_or_mount(options.places.bpffs.as_deref())?;
    let held = bpffs::hold(&bpffs)?;
    let pins = Pins::new(&bpffs, &options.instance);
    pins.clear_leftovers()?;
    let adopting = pins.has_current()?;
    let plan = Plan::make(&options.interfaces, &options.instance, &pins)?;
    if !adopting {
        pins.create(|directory| object::create_maps(directory, &options.sizes, options.seed))
            .or_else(|error| undo(&pins, error))?;
    }
    match run(options, &pins, plan, adopting, (held, lock)) {
        Err(error) if !adopting => undo(&pins, error),
        result => result,
    }
}

/// Takes what was just made away again.
fn undo<T>(pins: &Pins, error: Error) -> Result<T, Error> {
    if let Err(left) = pins.remove() {
        tracing::warn!("{left}; `sasp-ctl detach` will try again");
    }
    Err(error)
}

fn run(
    options: &Options,
    pins: &Pins,
    plan: Plan,
    adopting: bool,
    (bpffs, lock): (File, Lock),
) -> Result<Datapath, Error> {
    let directory = pins.current();
    let sizes = layout::check_pinned(&directory)?;
    let seed = Map::<u32, u64>::open(&directory, names::SEED)?
        .get(&0)
        .map_err(Error::map_call("read the seed"))?
        .unwrap_or_default();
    warn_of_differences(options, &sizes, seed);
    let mut object = Object::load(&directory, seed, options.packet_log)?;
    let mut maps = Maps::open(&directory)?;
    let adopted = if adopting {
        maps.adopt()?
    } else {
        Adopted::default()
    };
    let interfaces = plan.carry_out(&mut object, options.mode, pins)?;
    let mut datapath = Datapath {
        object,
        maps,
        interfaces,
        mode: options.mode,
        unaligned: false,
        sizes,
        seed,
        adopted,
        packet_log: options.packet_log,
        instance: options.instance.clone(),
        bpffs,
        lock,
    };
    upkeep::look_after(&mut datapath)?;
    Ok(datapath)
}

/// Whoever restarts a daemon wants it to run: what cannot change under running traffic stays as it was.
fn warn_of_differences(options: &Options, sizes: &Sizes, seed: u64) {
    if *sizes != options.sizes {
        tracing::warn!(
            "map sizes stay {sizes}, not {}, until detached and attached again",
            options.sizes
        );
    }
    if options.seed.is_some_and(|wanted| wanted != seed) {
        tracing::warn!("the hash seed stays as it was until detached and attached again");
    }
}
