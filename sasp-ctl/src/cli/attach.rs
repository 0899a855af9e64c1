//! `sasp-ctl attach`: becomes the daemon.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::failure::Failure;
use super::target;
use crate::config::{self, Config, ConfigError, Flags};
use crate::daemon::{self, Setup};
use crate::datapath::{Instance, Mode};

/// Attach the data path to interfaces and keep its tables; stays in the foreground
///
/// Flags and file combine: --vip and --member add to the file, --gwm, --uid, --forward and --instance override it.
#[derive(clap::Args, Debug)]
pub(super) struct Args {
    /// Interfaces whose packets are balanced
    #[arg(required = true, value_name = "IFACE")]
    interfaces: Vec<String>,
    /// Configuration file [default: /etc/sasp-ctl.toml, if it exists]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A Group Workload Manager that sends weights; several, the most preferred first
    #[arg(long = "gwm", value_name = "HOST[:PORT]")]
    gwms: Vec<String>,
    /// A service and the SASP group whose weights it follows; port 0: every port, ADDR alone: every protocol
    #[arg(long = "vip", value_name = "ADDR:PORT/PROTO=GROUP")]
    vips: Vec<String>,
    /// A member of a group and its static weight
    #[arg(long = "member", value_name = "GROUP=ADDR:PORT[@WEIGHT]")]
    members: Vec<String>,
    /// How the program runs: in the driver, in the network stack, or whichever works
    #[arg(long, value_enum, default_value_t = ModeFlag::Auto)]
    mode: ModeFlag,
    /// How packets reach members: dsr, ipip, gue, gre, nat or full-nat
    #[arg(long, value_name = "MODE")]
    forward: Option<String>,
    /// LB UID, our identity towards the GWM [default: host name and a hash of the machine id]
    #[arg(long, value_name = "UID")]
    uid: Option<String>,
    /// Name of this balancer, for pins and control socket [default: the first interface's name]
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum ModeFlag {
    Auto,
    Native,
    Generic,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let flags = Flags {
        uid: args.uid,
        gwms: args.gwms,
        vips: args.vips,
        members: args.members,
        forward: args.forward,
    };
    check_names(&args.interfaces)?;
    let file = file(args.config, &flags)?;
    let config = config::load(file.as_deref(), &flags)?;
    if config.services.is_empty() {
        return Err(ConfigError::no_service(file.as_deref()).into());
    }
    let instance = instance(args.instance.as_deref(), &config, &args.interfaces)?;
    let setup = Setup {
        instance,
        interfaces: args.interfaces,
        mode: match args.mode {
            ModeFlag::Auto => Mode::Auto,
            ModeFlag::Native => Mode::Native,
            ModeFlag::Generic => Mode::Generic,
        },
        places: target::places(),
        config,
        file,
        flags,
    };
    Ok(daemon::run(setup)?)
}

/// Says of what cannot be an interface that it is none, before anything else is made of it.
fn check_names(interfaces: &[String]) -> Result<(), Failure> {
    let bad = |name: &&String| {
        name.is_empty() || name.contains(|c: char| c == '/' || c == ':' || c.is_whitespace())
    };
    match interfaces.iter().find(bad) {
        Some(name) => Err(Failure::Usage(format!(
            "'{}' is no interface's name: see `ip link`",
            name.escape_debug()
        ))),
        None => Ok(()),
    }
}

/// The file to read, if any: the one that is named; else the usual one, if it exists.
fn file(named: Option<PathBuf>, flags: &Flags) -> Result<Option<PathBuf>, ConfigError> {
    let usual = Path::new(config::DEFAULT_PATH);
    match named {
        Some(path) => Ok(Some(path)),
        // If it cannot be told whether it exists, reading it says why.
        None if usual.try_exists().unwrap_or(true) => Ok(Some(usual.to_owned())),
        None if flags.describe_a_service() => Ok(None),
        None => Err(ConfigError::nothing_given()),
    }
}

fn instance(
    flag: Option<&str>,
    config: &Config,
    interfaces: &[String],
) -> Result<Instance, Failure> {
    if let Some(name) = flag {
        return Instance::new(name).map_err(|error| Failure::Usage(format!("--instance: {error}")));
    }
    if let Some(instance) = &config.balancer.instance {
        return Ok(instance.clone());
    }
    let first = interfaces.first().map_or("", String::as_str);
    Instance::new(first).map_err(|error| Failure::Usage(format!("{error}; give --instance")))
}
