//! Which interface gets, keeps or loses the program.
//!
//! First a plan, made by looking only, then the deeds: whatever refuses does so before anything has changed.

use std::io;
use std::path::Path;

use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::{XdpError, XdpLink};
use aya::programs::{ProgramError, Xdp, XdpMode, loaded_programs};

use super::error::{Error, chain};
use super::modes;
use super::netlink::{self, Interface};
use super::object::{Form, Object};
use super::options::{Instance, Mode, RunsIn};
use super::pins::{self, LinkPin, Pins};
use super::sys;
use super::{Attached, State};

/// The kernel's limit on interface names, without the zero byte.
const INTERFACE_NAME_MAX: usize = 15;

/// What is to become of each interface.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Wanted, without a program.
    new: Vec<Interface>,
    /// Wanted, running a program of ours.
    kept: Vec<(LinkPin, Interface)>,
    /// Links of interfaces that are gone.
    dead: Vec<LinkPin>,
    /// Links of interfaces that are not wanted any more.
    unlisted: Vec<LinkPin>,
}

impl Plan {
    /// Compares what is wanted with what is pinned and with what runs on the interfaces.
    pub(super) fn make(wanted: &[String], instance: &Instance, pins: &Pins) -> Result<Self, Error> {
        let mut plan = Self::default();
        for name in wanted {
            let interface = find(name)?;
            if plan
                .new
                .iter()
                .all(|other| other.ifindex != interface.ifindex)
            {
                plan.new.push(interface);
            }
        }
        if plan.new.is_empty() {
            return Err(Error::NoInterface);
        }
        for pin in pins.links()? {
            plan.sort_in(pin, instance)?;
        }
        plan.new
            .iter()
            .try_for_each(|new| refuse_foreign(new, pins))?;
        Ok(plan)
    }

    /// Finds a pinned link's place in the plan.
    fn sort_in(&mut self, pin: LinkPin, instance: &Instance) -> Result<(), Error> {
        let ifindex = sys::link_ifindex(&pin.path).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => bad_link(&pin.path, &error.to_string()),
            _ => Error::file("open", &pin.path)(error),
        })?;
        let Some(ifindex) = ifindex else {
            self.dead.push(pin);
            return Ok(());
        };
        // Indices mean something within a network namespace only: the program must be seen running here.
        let ours = program_id(&pin.path)?;
        let runs = netlink::by_index(ifindex)?.and_then(|interface| interface.program);
        if runs.is_none_or(|(id, _)| id != ours) {
            return Err(Error::OtherNamespace {
                instance: instance.to_string(),
                interface: pin.interface,
            });
        }
        match self
            .new
            .iter()
            .position(|interface| interface.ifindex == ifindex)
        {
            Some(at) => self.kept.push((pin, self.new.remove(at))),
            None => self.unlisted.push(pin),
        }
        Ok(())
    }

    /// Carries the plan out. New interfaces come first: if one refuses, the others are as before.
    pub(super) fn carry_out(
        self,
        object: &mut Object,
        mode: Mode,
        pins: &Pins,
    ) -> Result<Vec<Attached>, Error> {
        let kept = self.kept.iter();
        let kept: Vec<_> = kept
            .map(|(_, on)| (on.name.as_str(), runs_in(on)))
            .collect();
        let new: Vec<_> = self.new.iter().map(|on| on.name.as_str()).collect();
        modes::refuse_mix(mode, &kept, &new)?;
        for pin in &self.dead {
            pins::remove_link(&pin.path)?;
            tracing::info!(
                interface = pin.interface,
                "its former link has come off: the interface was made anew"
            );
        }
        let mut attached = Vec::new();
        let mut made = Vec::new();
        let mut why_generic = Vec::new();
        for interface in self.new {
            match attach(object, &interface, mode, pins) {
                Ok((on, why)) => {
                    made.push(pins.link(&interface.name, interface.ifindex));
                    attached.push(on);
                    why_generic.extend(why);
                }
                Err(error) => {
                    for path in made {
                        pins::remove_link(&path)?;
                    }
                    return Err(error);
                }
            }
        }
        for (pin, interface) in self.kept {
            let runs_in = runs_in(&interface);
            let form = replace(object, &pin, runs_in)?;
            warn_of_mode(&interface.name, mode, runs_in);
            attached.push(Attached::new(&interface, runs_in, form));
        }
        for pin in self.unlisted {
            pins::remove_link(&pin.path)?;
            tracing::info!(interface = pin.interface, "detached: no longer listed");
        }
        if mode == Mode::Auto {
            modes::align(object, &mut attached, why_generic, pins)?;
        }
        attached.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(attached)
    }
}

impl Attached {
    fn new(interface: &Interface, mode: RunsIn, form: Form) -> Self {
        Self {
            name: interface.name.clone(),
            ifindex: interface.ifindex,
            mode,
            frags: form == Form::Frags,
            state: State::Running,
        }
    }
}

/// How our program runs on an interface that has it.
fn runs_in(interface: &Interface) -> RunsIn {
    let program = interface.program;
    program.map_or(RunsIn::Native, |(_, runs_in)| runs_in)
}

/// The interface of that name.
pub(super) fn find(name: &str) -> Result<Interface, Error> {
    let found = match name.len() {
        1..=INTERFACE_NAME_MAX => netlink::by_name(name)?,
        _ => None,
    };
    found.ok_or_else(|| Error::MissingInterface {
        name: name.to_owned(),
    })
}

/// The instance whose program runs on an interface, and the interface's name when it was attached.
pub(super) fn owner(
    interface: &Interface,
    bpffs: &Path,
) -> Result<Option<(Instance, String)>, Error> {
    let Some((id, _)) = interface.program else {
        return Ok(None);
    };
    let mut links = pins::all_links(bpffs)?.into_iter();
    // Whatever else is pinned under a link's name owns no program.
    let owner = links.find(|(_, link)| program_id(&link.path).is_ok_and(|ours| ours == id));
    Ok(owner.map(|(instance, link)| (instance, link.interface)))
}

/// Says whose program is in the way, if any is.
pub(super) fn refuse_foreign(interface: &Interface, pins: &Pins) -> Result<(), Error> {
    let Some((id, _)) = interface.program else {
        return Ok(());
    };
    if let Some((instance, attached_as)) = owner(interface, pins.bpffs())? {
        return Err(Error::OtherInstance {
            interface: interface.name.clone(),
            instance: instance.to_string(),
            attached_as,
        });
    }
    // Looking programs up by id takes CAP_SYS_ADMIN; without it the id must do.
    let name = loaded_programs()
        .filter_map(Result::ok)
        .find(|program| program.id() == id)
        .and_then(|program| program.name_as_str().map(str::to_owned))
        .filter(|name| !name.is_empty());
    Err(Error::ForeignProgram {
        interface: interface.name.clone(),
        id,
        name: name.unwrap_or_else(|| "name unknown".to_owned()),
    })
}

fn program_id(pin: &Path) -> Result<u32, Error> {
    let info = PinnedLink::from_pin(pin).and_then(|link| FdLink::from(link).info());
    match info {
        Ok(info) => Ok(info.program_id()),
        Err(error) => Err(bad_link(pin, &chain(&error))),
    }
}

fn bad_link(pin: &Path, why: &str) -> Error {
    Error::BadPin {
        name: pin.display().to_string(),
        why: why.to_owned(),
    }
}

/// Attaches to an interface that has no program, and pins the link. Gives, with [`Mode::Auto`], why it does not run in
/// the driver, if so.
pub(super) fn attach(
    object: &mut Object,
    interface: &Interface,
    mode: Mode,
    pins: &Pins,
) -> Result<(Attached, Option<String>), Error> {
    let mut why = None;
    let in_driver = match mode {
        Mode::Generic => None,
        Mode::Native => Some(native(object, interface)?),
        Mode::Auto if interface.veth => {
            why = Some(format!(
                "{} is a veth: large packets from its far end, and translated ones, are lost unless that has \
                 `ethtool -K … tx off` (--mode native needs an XDP program there, too)",
                interface.name
            ));
            None
        }
        Mode::Auto => native(object, interface)
            .map_err(|error| why = Some(error.to_string()))
            .ok(),
    };
    let (link, runs_in, form) = match in_driver {
        Some((link, form)) => (link, RunsIn::Native, form),
        None => {
            let program = object.program(Form::Plain)?;
            let link = attach_in(program, interface, RunsIn::Generic)?;
            (link, RunsIn::Generic, Form::Plain)
        }
    };
    let path = pins.link(&interface.name, interface.ifindex);
    link.pin(&path).map_err(Error::pin(&path))?;
    Ok((Attached::new(interface, runs_in, form), why))
}

/// Attaches in the driver, in the best form that it takes.
fn native(object: &mut Object, interface: &Interface) -> Result<(FdLink, Form), Error> {
    let attach = |object: &mut Object, form| {
        let program = object.program(form)?;
        Ok((attach_in(program, interface, RunsIn::Native)?, form))
    };
    if object.forms().contains(&Form::Frags) {
        match attach(object, Form::Frags) {
            Err(error) => tracing::debug!("without frames in several buffers: {error}"),
            attached => return attached,
        }
    }
    attach(object, Form::Plain)
}

fn attach_in(program: &mut Xdp, interface: &Interface, runs_in: RunsIn) -> Result<FdLink, Error> {
    let flags = match runs_in {
        RunsIn::Native => XdpMode::Driver,
        RunsIn::Generic => XdpMode::Skb,
    };
    let refused = |why: String| Error::Attach {
        interface: interface.name.clone(),
        mode: runs_in,
        why,
    };
    let id = program
        .attach_to_if_index(interface.ifindex, flags)
        .map_err(|error| refused(hint(&error, &interface.name)))?;
    let link = program
        .take_link(id)
        .map_err(|error| refused(chain(&error)))?;
    // aya attaches over netlink where the kernel rejects a link; that could neither be pinned nor replaced.
    FdLink::try_from(link).map_err(|_| refused("the kernel offers no bpf_link for it".to_owned()))
}

/// What usually is behind an error number of an attachment.
fn hint(error: &ProgramError, interface: &str) -> String {
    let number = match error {
        ProgramError::SyscallError(error) => error.io_error.raw_os_error(),
        ProgramError::XdpError(XdpError::NetlinkError(error)) => error.raw_os_error(),
        _ => None,
    };
    let help = match number {
        Some(libc::EOPNOTSUPP) => "its driver has no native XDP",
        Some(libc::ERANGE) => {
            "the MTU is too large for native XDP: lower it there and at a veth's peer"
        }
        Some(libc::EINVAL) => {
            return format!(
                "{}; the MTU may be too large, or LRO on: `ethtool -K {interface} lro off`",
                chain(error)
            );
        }
        Some(libc::EBUSY | libc::EEXIST) => "another XDP program was attached meanwhile",
        Some(libc::EPERM) => {
            "not permitted: CAP_NET_ADMIN in the interface's network namespace is needed"
        }
        Some(libc::ENOMEM | libc::ENOSPC) => {
            "its driver lacks queues for XDP: `ethtool -L` gives it fewer"
        }
        _ => return chain(error),
    };
    help.to_owned()
}

/// Puts the new program in the place of the old one, in the best form that the driver takes.
fn replace(object: &mut Object, pin: &LinkPin, runs_in: RunsIn) -> Result<Form, Error> {
    if runs_in == RunsIn::Native && object.forms().contains(&Form::Frags) {
        match replace_by(object.program(Form::Frags)?, pin, runs_in) {
            Ok(()) => return Ok(Form::Frags),
            Err(error) => tracing::debug!("without frames in several buffers: {error}"),
        }
    }
    replace_by(object.program(Form::Plain)?, pin, runs_in)?;
    Ok(Form::Plain)
}

fn replace_by(program: &mut Xdp, pin: &LinkPin, runs_in: RunsIn) -> Result<(), Error> {
    let refused = |why: String| Error::Attach {
        interface: pin.interface.clone(),
        mode: runs_in,
        why,
    };
    let link =
        PinnedLink::from_pin(&pin.path).map_err(|error| bad_link(&pin.path, &chain(&error)))?;
    let link = XdpLink::try_from(FdLink::from(link))
        .map_err(|error| bad_link(&pin.path, &chain(&error)))?;
    program
        .attach_to_link(link)
        .map_err(|error| refused(chain(&error)))?;
    Ok(())
}

/// A link keeps its mode for life. Making another would leave the interface without a program for a moment: unless
/// packets would be lost otherwise (see [`modes`]) that is for the operator to decide.
fn warn_of_mode(interface: &str, mode: Mode, runs_in: RunsIn) {
    let differs = matches!(
        (mode, runs_in),
        (Mode::Native, RunsIn::Generic) | (Mode::Generic, RunsIn::Native)
    );
    if differs {
        tracing::warn!(
            interface,
            "stays in {runs_in} mode: detach first to change it"
        );
    }
}
