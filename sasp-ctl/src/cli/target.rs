//! Which balancer of this host a command is about, and where its daemon listens.

use std::path::PathBuf;

use super::failure::Failure;
use crate::datapath::{self, Instance, Pinned, Places};

/// Overrides `/run/sasp-ctl`, the directory of control sockets and locks.
const RUN_DIR: &str = "SASP_CTL_RUN_DIR";
/// Overrides the bpffs that is found or mounted.
const BPFFS: &str = "SASP_CTL_BPFFS";

/// Chooses a balancer where a host has several.
#[derive(clap::Args, Debug)]
pub(super) struct Choice {
    /// Which balancer; needed only where there is more than one
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
}

/// Where sockets, locks and pins are: from the environment (tests, containers), else the defaults.
pub(super) fn places() -> Places {
    let mut places = Places::default();
    if let Some(run) = std::env::var_os(RUN_DIR) {
        places.run = PathBuf::from(run);
    }
    places.bpffs = std::env::var_os(BPFFS).map(PathBuf::from);
    places
}

/// Whether the environment says where control sockets are.
pub(super) fn names_run_dir() -> bool {
    std::env::var_os(RUN_DIR).is_some()
}

impl Choice {
    /// The balancer that is meant.
    ///
    /// # Errors
    /// There is none, there are several and none is named, or the named one does not exist.
    pub(super) fn find(&self, places: &Places) -> Result<Pinned, Failure> {
        let named = self
            .instance
            .as_deref()
            .map(Instance::new)
            .transpose()
            .map_err(|error| Failure::Usage(format!("--instance: {error}")))?;
        let mut pinned = datapath::instances(places)?;
        if let Some(name) = named {
            return match pinned.iter().position(|pinned| pinned.instance == name) {
                Some(index) => Ok(pinned.swap_remove(index)),
                None => Err(Failure::Failed(format!(
                    "no balancer is called {name}: {}",
                    known(&pinned)
                ))),
            };
        }
        match pinned.len() {
            0 => Err(Failure::Failed(
                "no balancer is attached on this host: start one with `sasp-ctl attach <IFACE>`"
                    .to_owned(),
            )),
            1 => Ok(pinned.swap_remove(0)),
            _ => Err(Failure::Usage(format!(
                "several balancers are attached: name one with --instance; {}",
                known(&pinned)
            ))),
        }
    }
}

/// Says which balancers there are.
fn known(pinned: &[Pinned]) -> String {
    let names: Vec<_> = pinned
        .iter()
        .map(|pinned| pinned.instance.as_str())
        .collect();
    match names.is_empty() {
        true => "none is attached".to_owned(),
        false => format!("attached: {}", names.join(", ")),
    }
}
