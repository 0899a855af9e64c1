//! One guest, from power on to power off.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::{fetch::Kernel, report::Report};

/// A guest that says nothing for so long hangs: it speaks after every test, and the longest take two minutes on a machine
/// that has nothing else to do.
const PATIENCE: Duration = Duration::from_secs(1200);

/// Half a GiB is enough for a guest, but not for the initramfs beside it.
const MEMORY_MIB: &str = "1024";

/// Boots a kernel with an initramfs, keeps what the guest says in `directory`, and judges it.
pub(super) fn run(
    qemu: Command,
    kernel: &Kernel,
    initramfs: &[u8],
    directory: &Path,
) -> Result<Report> {
    let path = directory.join("initramfs");
    fs::write(&path, initramfs).with_context(|| path.display().to_string())?;
    let console = directory.join("console.log");
    let mut guest = Guest::start(qemu, kernel, &path, &console)?;
    let path = directory.join("report.log");
    let mut log = File::create(&path).with_context(|| path.display().to_string())?;
    let mut report = Report::default();
    let result = guest.listen(|line| {
        report.add(line);
        writeln!(log, "{line}").with_context(|| path.display().to_string())
    });
    result.with_context(|| {
        format!(
            "the guest with Linux {}: see {} and {}",
            kernel.release,
            path.display(),
            console.display()
        )
    })?;
    Ok(report)
}

/// A running QEMU, which ends with this value.
#[derive(Debug)]
struct Guest {
    qemu: Child,
}

impl Guest {
    fn start(mut qemu: Command, kernel: &Kernel, initramfs: &Path, console: &Path) -> Result<Self> {
        let qemu = qemu
            // Hardware's help is not to be had everywhere, and does not boot these kernels wherever it is.
            .args(["-accel", "tcg,thread=multi", "-M", "pc", "-cpu", "max"])
            .args(["-smp", "2", "-m", MEMORY_MIB])
            .args(["-nodefaults", "-display", "none", "-no-reboot"])
            .arg("-kernel")
            .arg(&kernel.image)
            .arg("-initrd")
            .arg(initramfs)
            .args(["-append", "console=ttyS0 panic=-1 quiet"])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .args(["-serial", "stdio"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run QEMU")?;
        Ok(Self { qemu })
    }

    /// Hears every line until the guest has powered off.
    fn listen(&mut self, mut each: impl FnMut(&str) -> Result<()>) -> Result<()> {
        let stdout = self.qemu.stdout.take().context("QEMU has no output")?;
        let (sender, lines) = mpsc::channel();
        let reader = thread::spawn(move || {
            for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        loop {
            match lines.recv_timeout(PATIENCE) {
                Ok(line) => each(String::from_utf8_lossy(&line).trim_end_matches('\r'))?,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    bail!("it has said nothing for {} s", PATIENCE.as_secs())
                }
            }
        }
        // It has said its last: both ends of the channel are gone.
        drop(reader.join());
        let status = self.qemu.wait().context("cannot wait for QEMU")?;
        if !status.success() {
            bail!("QEMU failed ({status})");
        }
        Ok(())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // It has ended already unless we gave up on it.
        let _ = self.qemu.kill();
        if let Err(error) = self.qemu.wait() {
            eprintln!("QEMU: {error}");
        }
    }
}
