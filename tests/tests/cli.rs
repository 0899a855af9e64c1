//! The command line as scripts meet it: exit codes, one line on standard error, nothing done by halves. Needs root.
//!
//! No balancer is attached here; what commands do to a running one is in `e2e_attach` and `survive`.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use tests::lab::pins::Pins;
use tests::lab::site::program;

/// The binary on a machine where nothing is attached.
struct Machine {
    // Before the directory that it is mounted in: fields are dropped in this order.
    pins: Pins,
    directory: TempDir,
}

impl Machine {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        Self {
            pins: Pins::mount(directory.path()).unwrap(),
            directory,
        }
    }

    /// The binary, run by `wrapper` (which may be empty).
    fn by(&self, wrapper: &[&str]) -> Command {
        let binary = program("sasp-ctl").unwrap();
        let mut command = match wrapper {
            [] => Command::new(binary),
            [first, rest @ ..] => {
                let mut command = Command::new(first);
                command.args(rest).arg(binary);
                command
            }
        };
        command
            .current_dir(self.directory.path())
            .env_remove("RUST_LOG")
            .env("SASP_CTL_RUN_DIR", self.directory.path().join("run"))
            .env("SASP_CTL_BPFFS", self.pins.path());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.by(&[]).args(line.split_whitespace()).output().unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.directory.path().join(name)).unwrap()
    }
}

/// The one line on standard error that says what, why and what to do.
fn refusal(output: &Output, code: i32) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(output.stdout, b"", "{stderr}");
    assert_eq!(stderr.matches('\n').count(), 1, "{stderr}");
    assert!(stderr.starts_with("sasp-ctl: "), "{stderr}");
    stderr
}

const GOOD: &str = r#"[balancer]
uid = "edge-1"
[[gwm]]
address = "gwm.example.net"
[[service]]
group = "FARM1"
vip = "203.0.113.10:80/tcp"
members = [ { address = "10.0.0.1:80", weight = 10 }, { address = "10.0.0.2:80" } ]
"#;

#[test]
fn wrong_usage_is_exit_2_and_one_line_that_says_what_to_do() {
    let machine = Machine::new();
    // No such interface: whatever is not refused must not touch one of the host's.
    let vip = "--vip 203.0.113.10:80/tcp=F";
    for (line, words) in [
        ("", "no command given"),
        ("atach eth0", "attach"),
        ("attach", "<IFACE>"),
        ("attach none0 --gmw x", "'--gmw'"),
        (&format!("attach none0 {vip} --mode fast"), "generic"),
        (
            &format!("attach none0 {vip} --forward gui"),
            "--forward gui: ",
        ),
        (&format!("attach none0 {vip} --gwm :1"), "--gwm :1: "),
        (
            &format!("attach none0 {vip} --instance a/b"),
            "--instance: ",
        ),
        (
            &format!("attach none0 {vip} --member F=10.0.0.1:81"),
            "--member F=10.0.0.1:81: ",
        ),
        ("attach none0 --vip 203.0.113.10:80=F", "/tcp or /udp"),
        (
            "attach none0 --config nowhere.toml",
            "nowhere.toml: cannot be read",
        ),
        ("detach", "<IFACE|--all>"),
        ("detach none0 --all", "cannot be used with"),
        ("quiesce FARM1", "<ADDR[:PORT]>"),
        ("status --instance a/b", "--instance: "),
        ("check-config nowhere.toml", "sasp-ctl init"),
        ("status --log loud=loud=loud", "--log "),
    ] {
        let said = refusal(&machine.run(line), 2);
        assert!(said.contains(words), "{line}: {said}");
    }
}

#[test]
fn a_mistake_in_the_file_is_exit_2_with_file_and_line() {
    let machine = Machine::new();
    for (mistake, line, words) in [
        ("[balancer", 1, "syntax"),
        ("[balancer]\nuidd = \"x\"", 2, "did you mean `uid`?"),
        ("[balancer]\nuid = \"a\"\nlisten = \"x\"", 3, "ADDR:PORT"),
    ] {
        machine.write("bad.toml", mistake);
        for command in ["check-config bad.toml", "attach lo --config bad.toml"] {
            let said = refusal(&machine.run(command), 2);
            assert!(said.contains(&format!("bad.toml:{line}: ")), "{said}");
            assert!(said.contains(words), "{said}");
        }
    }
}

#[test]
fn check_config_prints_what_a_good_file_says() {
    let machine = Machine::new();
    machine.write("good.toml", GOOD);
    let output = machine.run("check-config good.toml");
    assert!(output.status.success());
    assert_eq!(output.stderr, b"");
    let said = String::from_utf8(output.stdout).unwrap();
    for words in [
        "good",
        "edge-1",
        "gwm.example.net:3860",
        "FARM1",
        "10.0.0.1:80 static weight 10",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn init_writes_a_file_that_check_config_accepts_and_never_overwrites_one() {
    let machine = Machine::new();
    assert!(machine.run("init edge.toml").status.success());
    assert!(machine.run("check-config edge.toml").status.success());
    machine.write("mine.toml", "mine");
    let said = refusal(&machine.run("init mine.toml"), 1);
    assert!(said.contains("not overwritten"), "{said}");
    assert_eq!(machine.read("mine.toml"), "mine");
}

#[test]
fn attach_without_file_and_flags_says_how_to_get_a_file() {
    let machine = Machine::new();
    // An empty /etc, so that the machine's own file is not found.
    let empty = "mount -t tmpfs tmpfs /etc && exec \"$0\" \"$@\"";
    let output = machine
        .by(&["unshare", "--mount", "sh", "-c", empty])
        .args(["attach", "lo"])
        .output()
        .unwrap();
    let said = refusal(&output, 2);
    assert!(said.contains("sasp-ctl init"), "{said}");
}

#[test]
fn a_file_without_services_is_doubtful_and_nothing_to_attach() {
    let machine = Machine::new();
    machine.write("empty.toml", "");
    let checked = machine.run("check-config empty.toml");
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(
        checked.status.success() && said.contains("warning: no [[service]]"),
        "{said}"
    );
    let said = refusal(&machine.run("attach lo --config empty.toml"), 2);
    assert!(
        said.contains("nothing to balance") && said.contains("sasp-ctl init"),
        "{said}"
    );
}

#[test]
fn without_capabilities_attach_names_the_one_that_is_missing() {
    let machine = Machine::new();
    machine.write("good.toml", GOOD);
    for (set, missing) in [("-all", "CAP_BPF"), ("-net_admin", "CAP_NET_ADMIN")] {
        let output = machine
            .by(&["setpriv", "--bounding-set", set, "--inh-caps=-all"])
            .args(["attach", "lo", "--config", "good.toml"])
            .output()
            .unwrap();
        let said = refusal(&output, 1);
        assert!(said.contains(missing), "{said}");
    }
}

#[test]
fn commands_that_need_a_balancer_fail_where_there_is_none() {
    let machine = Machine::new();
    for line in [
        "status",
        "status --json",
        "reload",
        "quiesce FARM1 10.0.0.1:80",
        "resume FARM1 10.0.0.1:80",
    ] {
        let said = refusal(&machine.run(line), 1);
        assert!(said.contains("sasp-ctl attach"), "{line}: {said}");
    }
    for line in ["detach eth0", "detach --all"] {
        let said = refusal(&machine.run(line), 1);
        assert!(said.contains("nothing to detach"), "{line}: {said}");
    }
    let said = refusal(&machine.run("status --instance edge"), 1);
    assert!(said.contains("no balancer is called edge"), "{said}");
}

#[test]
fn help_and_version_are_answers_and_not_mistakes() {
    let machine = Machine::new();
    for (line, words) in [
        ("--version", "sasp-ctl "),
        ("--help", "check-config"),
        ("attach --help", "--vip"),
    ] {
        let output = machine.run(line);
        assert!(output.status.success(), "{line}");
        assert_eq!(output.stderr, b"", "{line}");
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(said.contains(words), "{line}: {said}");
        assert!(!said.contains('\x1b'), "{line}: colours without a terminal");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let machine = Machine::new();
    machine.write("good.toml", GOOD);
    for line in ["check-config good.toml", "--help"] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let output = machine
            .by(&[])
            .args(line.split_whitespace())
            .stdout(Stdio::from(writer))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {said}");
        assert_eq!(said, "", "{line}");
    }
}

#[test]
fn a_full_disk_is_a_failure() {
    let machine = Machine::new();
    machine.write("good.toml", GOOD);
    let full = fs::OpenOptions::new()
        .write(true)
        .open(Path::new("/dev/full"))
        .unwrap();
    let output = machine
        .by(&[])
        .args(["check-config", "good.toml"])
        .stdout(Stdio::from(full))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
}
