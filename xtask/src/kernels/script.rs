//! What the guest does: a shell script as its first process, which says on the serial line what it does.

use std::path::{Path, PathBuf};

use super::series::Part;

/// Directories in the guest.
pub(super) const MODULES: &str = "/modules";
pub(super) const TESTS: &str = "/tests";
pub(super) const TARGET: &str = "/target";

/// Starts the line that says which part begins.
pub(super) const BEGINS: &str = "==> begins ";
/// Starts the line that says with which exit code a part has ended.
pub(super) const ENDS: &str = "==> ends ";

/// The second serial port, which the kernel's own messages do not reach.
const START: &str = "\
#!/bin/busybox sh
export PATH=/usr/bin:/bin CARGO_TARGET_DIR=/target
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
busybox mount -t bpf bpf /sys/fs/bpf
busybox mount -t tmpfs tmp /tmp
exec </dev/null >/dev/ttyS1 2>&1
busybox stty -F /dev/ttyS1 raw
/usr/bin/ip link set lo up
";

/// Where a module lies.
pub(super) fn module_path(name: &str) -> PathBuf {
    Path::new(MODULES).join(format!("{name}.ko"))
}

/// Runs the parts, each with the modules that it needs beyond those before it, in the order of their loading; without
/// the skipped tests, and only those with one of these names, if there are any.
pub(super) fn init(parts: &[(&Part, Vec<String>)], skipped: &[&str], names: &[String]) -> String {
    let mut script = START.to_owned();
    for (part, modules) in parts {
        for module in modules {
            let path = module_path(module);
            script += &format!("busybox insmod {}\n", path.display());
        }
        let words = part.arguments.iter().copied();
        let words = words.chain(skipped.iter().flat_map(|test| ["--skip", test]));
        let words = words.chain(names.iter().map(String::as_str));
        let arguments: String = words.map(|word| format!(" {}", quoted(word))).collect();
        script += &format!("echo '{BEGINS}{}'\n", part.test);
        script += &format!("{TESTS}/{} --test-threads 1{arguments}\n", part.test);
        script += &format!("echo \"{ENDS}$?\"\n");
    }
    script + "busybox poweroff -f\n"
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_gets_its_modules_before_its_tests_and_the_users_names_behind_its_own_words() {
        let part = Part {
            test: "routes",
            arguments: &["--skip", "slow"],
            modules: &["veth"],
        };
        let modules = vec!["base".to_owned(), "veth".to_owned()];
        let script = init(&[(&part, modules)], &["new"], &["it's".to_owned()]);
        let commands: Vec<_> = script
            .lines()
            .skip_while(|line| !line.contains("insmod"))
            .collect();
        assert_eq!(
            commands,
            [
                "busybox insmod /modules/base.ko",
                "busybox insmod /modules/veth.ko",
                "echo '==> begins routes'",
                r"/tests/routes --test-threads 1 '--skip' 'slow' '--skip' 'new' 'it'\''s'",
                "echo \"==> ends $?\"",
                "busybox poweroff -f",
            ]
        );
    }
}
