//! Pins made where nobody can see the bpffs: `ip netns exec` gives its process a mount namespace with a bare sysfs.

use std::path::{Path, PathBuf};

use caps::{CapSet, Capability};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use sasp_ctl::datapath::{Datapath, Instance, Options, Places, detach};

use crate::lab::{EDGE, Lab};
use crate::traffic::one_service;

/// The instance lies beside those of real balancers: its name is unique, and it goes whatever happens.
struct Pinned(Options);

impl Pinned {
    fn directory(&self) -> PathBuf {
        Path::new("/sys/fs/bpf/sasp-ctl").join(self.0.instance.as_str())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let result = detach(&self.0.instance, &self.0.places);
        assert!(std::thread::panicking() || result.is_ok(), "{result:?}");
    }
}

/// Does what `ip netns exec` does to the mounts of its process, for this thread.
fn hide_bpffs() {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_SLAVE | MsFlags::MS_REC, none).unwrap();
    umount2("/sys", MntFlags::MNT_DETACH).unwrap();
    mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), none).unwrap();
    assert!(!Path::new("/sys/fs/bpf/sasp-ctl").exists());
}

#[test]
fn pins_outlive_the_mount_namespace_that_they_were_made_from() {
    let lab = Lab::new();
    let mut options = lab.options();
    options.instance = Instance::new(&format!("test-{}", lab.edge)).unwrap();
    options.places = Places {
        bpffs: None,
        run: lab.places().run,
    };
    let pinned = Pinned(options);

    let mut first = lab.inside(|| {
        hide_bpffs();
        Datapath::attach(&pinned.0).unwrap()
    });
    assert!(pinned.directory().is_dir());
    lab.inside(|| {
        hide_bpffs();
        // As a daemon that has dropped what it does not need: process 1 cannot be looked at any more.
        let kept = [
            Capability::CAP_BPF,
            Capability::CAP_NET_ADMIN,
            Capability::CAP_PERFMON,
        ];
        caps::set(None, CapSet::Effective, &kept.into()).unwrap();
        first.apply(&one_service()).unwrap();
    });
    drop(first);

    let mut second = lab.inside(|| {
        hide_bpffs();
        Datapath::attach(&pinned.0).unwrap()
    });
    assert_eq!(second.take_adopted().tables.len(), 1);
    drop(second);

    let found = lab.inside(|| {
        hide_bpffs();
        detach(&pinned.0.instance, &pinned.0.places).unwrap()
    });
    assert!(found);
    assert!(!pinned.directory().exists());
    assert_eq!(lab.program_on(EDGE), None);
}
