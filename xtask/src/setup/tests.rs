//! Setting up machines that are not this one.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    process::Command,
};

use xtask::{linker::Linker, toolchain::Toolchain};

use super::{machine::shown, *};

/// A machine in memory: commands change it as the real ones would.
struct Fake {
    root: bool,
    programs: RefCell<BTreeSet<String>>,
    sources: Cell<bool>,
    llvm: RefCell<BTreeSet<u32>>,
    linker_llvm: Cell<Option<u32>>,
    commands: RefCell<Vec<String>>,
    /// apt-get and cargo report success but bring nothing.
    lame: bool,
}

impl Fake {
    fn bare() -> Self {
        let programs = ["apt-get", "rustup", "systemctl"].map(str::to_owned).into();
        Self {
            root: true,
            programs: RefCell::new(programs),
            sources: Cell::new(false),
            llvm: RefCell::default(),
            linker_llvm: Cell::new(None),
            commands: RefCell::default(),
            lame: false,
        }
    }

    fn without(self, program: &str) -> Self {
        self.programs.borrow_mut().remove(program);
        self
    }

    fn commands(&self) -> Vec<String> {
        self.commands.take()
    }

    fn unpack(&self, package: &str) {
        let mut programs = self.programs.borrow_mut();
        match package {
            "iproute2" => programs.insert("ip".to_owned()),
            "nftables" => programs.insert("nft".to_owned()),
            "rust-web-src" => !self.sources.replace(true),
            "llvm-22-dev" => self.llvm.borrow_mut().insert(22),
            other => programs.insert(other.to_owned()),
        };
    }
}

impl Machine for Fake {
    fn is_root(&self) -> bool {
        self.root
    }

    fn has(&self, program: &str) -> bool {
        self.programs.borrow().contains(program)
    }

    fn exists(&self, path: &str) -> bool {
        if path.ends_with("/ngx_stream_module.so") {
            return self.has("libnginx-mod-stream");
        }
        self.llvm
            .borrow()
            .iter()
            .any(|major| path.contains(&format!("llvm-{major}/")))
    }

    fn succeeds(&self, _program: &str, _arguments: &[&str]) -> bool {
        true
    }

    fn toolchain(&self) -> Result<Toolchain> {
        match self.sources.get() {
            true => Ok(Toolchain {
                rustup_name: None,
                llvm_major: 22,
            }),
            false => bail!("no sources"),
        }
    }

    fn linker(&self, llvm_major: u32) -> Result<Linker> {
        match self.linker_llvm.get() {
            Some(own) if own == llvm_major => Ok(Linker {
                path: "/bpf-linker".into(),
                llvm_major: Some(own),
            }),
            _ => bail!("no such linker"),
        }
    }

    fn execute(&self, command: &mut Command) -> Result<()> {
        let line = shown(command);
        if !self.lame {
            if line.contains("apt-get install") {
                line.split(' ').for_each(|package| self.unpack(package));
            }
            if line.contains("cargo install") {
                self.linker_llvm.set(Some(22));
            }
        }
        self.commands.borrow_mut().push(line);
        Ok(())
    }
}

fn failure(machine: &Fake) -> String {
    format!("{:#}", install(machine).unwrap_err())
}

fn position(commands: &[String], part: &str) -> usize {
    let found = commands.iter().position(|line| line.contains(part));
    found.unwrap_or_else(|| panic!("no {part:?} in {commands:#?}"))
}

#[test]
fn a_bare_machine_gets_everything_in_the_right_order() {
    let machine = Fake::bare();
    install(&machine).unwrap();
    let commands = machine.commands();
    let order = [
        "apt-get update",
        "systemctl disable nginx",
        "systemctl disable haproxy",
        "rust-web-src",
        "rustup toolchain link debian /usr",
        "llvm-22-dev libpolly-22-dev",
        "--features llvm-22",
    ]
    .map(|part| position(&commands, part));
    assert!(order.is_sorted(), "{commands:#?}");
    assert!(
        commands[order[6]].contains("LLVM_PREFIX=/usr/lib/llvm-22"),
        "{commands:#?}"
    );
}

#[test]
fn package_lists_are_refreshed_once_and_tools_come_together() {
    let machine = Fake::bare();
    install(&machine).unwrap();
    let commands = machine.commands();
    let count = |part: &str| commands.iter().filter(|line| line.contains(part)).count();
    assert_eq!(count("apt-get update"), 1);
    assert_eq!(count("apt-get install"), 3, "{commands:#?}");
}

#[test]
fn a_second_run_does_nothing() {
    let machine = Fake::bare();
    install(&machine).unwrap();
    machine.commands();
    install(&machine).unwrap();
    assert_eq!(machine.commands(), Vec::<String>::new());
    check(&machine).unwrap();
}

#[test]
fn only_what_is_missing_is_installed() {
    let machine = Fake::bare();
    install(&machine).unwrap();
    machine.commands();
    let machine = machine.without("wrk");
    install(&machine).unwrap();
    let commands = machine.commands();
    assert_eq!(commands.len(), 2, "{commands:#?}");
    assert!(commands[1].ends_with(" wrk"), "{commands:#?}");
}

#[test]
fn a_linker_for_another_llvm_is_replaced() {
    let machine = Fake::bare();
    install(&machine).unwrap();
    machine.commands();
    machine.linker_llvm.set(Some(21));
    install(&machine).unwrap();
    let commands = machine.commands();
    assert_eq!(commands.len(), 1, "{commands:#?}");
    position(&commands, "cargo install --locked --force bpf-linker");
}

#[test]
fn who_is_not_root_is_told_what_to_install() {
    let machine = Fake {
        root: false,
        ..Fake::bare()
    };
    let error = install(&machine).unwrap_err().to_string();
    assert!(
        error.contains("root") && error.contains("iproute2"),
        "{error}"
    );
    assert_eq!(machine.commands(), Vec::<String>::new());
}

#[test]
fn another_distribution_is_told_what_to_install() {
    let error = install(&Fake::bare().without("apt-get"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no apt-get") && error.contains("tshark"),
        "{error}"
    );
}

#[test]
fn without_rustup_nothing_is_linked() {
    let machine = Fake::bare().without("rustup");
    install(&machine).unwrap();
    assert!(
        !machine
            .commands()
            .iter()
            .any(|line| line.contains("rustup"))
    );
}

#[test]
fn what_is_still_missing_afterwards_is_an_error() {
    let error = install(&Fake {
        lame: true,
        ..Fake::bare()
    })
    .unwrap_err()
    .to_string();
    assert!(error.contains("still missing"), "{error}");
}

#[test]
fn a_check_names_what_is_missing_and_changes_nothing() {
    let machine = Fake::bare();
    let error = check(&machine).unwrap_err().to_string();
    assert!(
        error.contains("wrk") && error.contains("bpf-linker"),
        "{error}"
    );
    assert_eq!(machine.commands(), Vec::<String>::new());
}

#[test]
fn a_script_is_shown_by_its_name() {
    let mut command = Command::new("sh");
    command
        .args(["-c", "a long script", "apt-get", "install", "wrk"])
        .env("A", "1");
    assert_eq!(shown(&command), "A=1 apt-get install wrk");
}

#[test]
fn without_the_packages_the_error_says_how_to_get_rust_otherwise() {
    let machine = Fake::bare();
    install(&machine).unwrap();
    machine.sources.set(false);
    let error = failure(&Fake {
        lame: true,
        ..machine
    });
    assert!(
        error.contains("by hand: `rustup toolchain install nightly"),
        "{error}"
    );
}
