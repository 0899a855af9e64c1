//! `sasp-ctl detach`: takes the data path off, with or without a daemon.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde_json::json;

use super::failure::Failure;
use super::{client, output, target};
use crate::daemon::control::socket_path;
use crate::datapath::{self, Pinned, Places};

/// Take the data path off: packets for VIPs are no longer balanced
///
/// A balancer on several interfaces is taken off all of them. Its daemon, if it runs, deregisters from the GWM and
/// ends.
#[derive(clap::Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Args {
    /// An interface of the balancer
    #[arg(value_name = "IFACE")]
    interface: Option<String>,
    /// Every balancer of this host
    #[arg(long)]
    all: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let places = target::places();
    let mut pinned = datapath::instances(&places)?;
    if let Some(interface) = &args.interface {
        let owner = datapath::owner(interface, &places)?;
        pinned.retain(|pinned| match &owner {
            Some(owner) => pinned.instance == *owner,
            None => pinned.interfaces.contains(interface),
        });
    }
    if pinned.is_empty() {
        return Err(Failure::Failed(match &args.interface {
            Some(interface) => format!(
                "no balancer is attached to {interface}: nothing to detach (`sasp-ctl status` shows what is)"
            ),
            None => "no balancer is attached on this host: nothing to detach".to_owned(),
        }));
    }
    for pinned in &pinned {
        detach(pinned, &places)?;
        output::print(&match pinned.interfaces.join(", ") {
            none if none.is_empty() => {
                format!("removed what was left of instance {}\n", pinned.instance)
            }
            interfaces => format!("detached {interfaces} (instance {})\n", pinned.instance),
        })?;
    }
    Ok(())
}

fn detach(pinned: &Pinned, places: &Places) -> Result<(), Failure> {
    if pinned.pid.is_some() {
        client::post(places, &pinned.instance, "/detach", &json!({}))?;
        return Ok(());
    }
    datapath::detach(&pinned.instance, places)?;
    remove_socket(&socket_path(places, &pinned.instance))
}

/// A daemon that was killed has left its socket.
fn remove_socket(socket: &Path) -> Result<(), Failure> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Failure::Failed(format!(
            "cannot remove {}: {error}",
            socket.display()
        ))),
        _ => Ok(()),
    }
}
