//! A network namespace with a veth pair into another, a place for pins, and a place for locks: all of them this
//! test's own, and gone when it ends, however it ends.

use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns};
use sasp_ctl::datapath::{
    Datapath, Error, Instance, Mode, Options, PacketLog, Places, Sizes, detach,
};
use sasp_xdp_common::abi::VERSION;
use tempfile::TempDir;

/// The veth's end in the balancer's namespace.
pub(crate) const EDGE: &str = "edge0";
/// Its end in the other namespace.
pub(crate) const FAR: &str = "far0";

static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Lab {
    pub(crate) edge: String,
    pub(crate) far: String,
    pins: TempDir,
    run: TempDir,
}

impl Lab {
    pub(crate) fn new() -> Self {
        let id = format!(
            "{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let lab = Self {
            edge: format!("dpe-{id}"),
            far: format!("dpf-{id}"),
            pins: tempfile::tempdir().unwrap(),
            run: tempfile::tempdir().unwrap(),
        };
        mount(
            Some("bpf"),
            lab.pins.path(),
            Some("bpf"),
            MsFlags::empty(),
            None::<&str>,
        )
        .expect("a bpffs of its own, which takes root");
        ip(&format!("netns add {}", lab.edge));
        ip(&format!("netns add {}", lab.far));
        lab.add_veth(EDGE, FAR);
        lab
    }

    /// Another pair between the namespaces, up at both ends.
    pub(crate) fn add_veth(&self, edge: &str, far: &str) {
        ip(&format!(
            "-n {} link add {edge} type veth peer name {far} netns {}",
            self.edge, self.far
        ));
        self.edge_ip(&format!("link set {edge} up"));
        self.far_ip(&format!("link set {far} up"));
    }

    pub(crate) fn edge_ip(&self, arguments: &str) -> String {
        ip(&format!("-n {} {arguments}", self.edge))
    }

    pub(crate) fn far_ip(&self, arguments: &str) -> String {
        ip(&format!("-n {} {arguments}", self.far))
    }

    /// Runs something on a thread in the balancer's namespace.
    pub(crate) fn inside<T: Send>(&self, action: impl FnOnce() -> T + Send) -> T {
        self.inside_namespace(&self.edge, action)
    }

    pub(crate) fn inside_namespace<T: Send>(
        &self,
        name: &str,
        action: impl FnOnce() -> T + Send,
    ) -> T {
        let namespace = File::open(format!("/run/netns/{name}")).unwrap();
        thread::scope(|scope| {
            let thread = scope.spawn(move || {
                setns(namespace, CloneFlags::CLONE_NEWNET).unwrap();
                action()
            });
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    pub(crate) fn options(&self) -> Options {
        options(self.places())
    }

    pub(crate) fn instance(&self) -> Instance {
        Instance::new(EDGE).unwrap()
    }

    pub(crate) fn places(&self) -> Places {
        Places {
            bpffs: Some(self.pins.path().to_owned()),
            run: self.run.path().to_owned(),
        }
    }

    /// Directory of the instance's pins.
    pub(crate) fn pinned(&self) -> PathBuf {
        self.pins.path().join("sasp-ctl").join(EDGE)
    }

    /// Directory of the maps and links.
    pub(crate) fn current(&self) -> PathBuf {
        self.pinned().join(format!("v{VERSION}"))
    }

    pub(crate) fn attach(&self) -> Datapath {
        self.try_attach(&self.options()).unwrap()
    }

    pub(crate) fn try_attach(&self, options: &Options) -> Result<Datapath, Error> {
        self.inside(|| Datapath::attach(options))
    }

    pub(crate) fn ifindex(&self, name: &str) -> u32 {
        self.inside(|| nix::net::if_::if_nametoindex(name).unwrap())
    }

    /// The id of the XDP program that an interface runs.
    pub(crate) fn program_on(&self, name: &str) -> Option<u32> {
        let details = self.edge_ip(&format!("-details link show {name}"));
        let (_, behind) = details.split_once("prog/xdp id ")?;
        behind.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // The namespaces take their interfaces along, and a panicking test must clean up what it can.
        let failed = detach(&self.instance(), &self.places()).is_err();
        for name in [&self.edge, &self.far] {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
        let left = self.pins.path().join("sasp-ctl").exists();
        let unmounted = umount2(self.pins.path(), MntFlags::MNT_DETACH);
        if !thread::panicking() {
            assert!(
                !failed && !left && unmounted.is_ok(),
                "the test left pins behind"
            );
        }
    }
}

/// To attach to [`EDGE`], small.
pub(crate) fn options(places: Places) -> Options {
    Options {
        instance: Instance::new(EDGE).unwrap(),
        interfaces: vec![EDGE.to_owned()],
        mode: Mode::Native,
        sizes: Sizes {
            services: 8,
            backends: 64,
            flows: 1024,
            translations: 1024,
        },
        seed: Some(7),
        packet_log: PacketLog::Off,
        places,
    }
}

pub(crate) fn ip(arguments: &str) -> String {
    let output = Command::new("ip")
        .args(arguments.split_whitespace())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
