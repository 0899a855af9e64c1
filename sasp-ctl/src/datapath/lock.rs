//! One daemon per instance: a lock file that names the process which holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::Error;
use super::options::Instance;

/// A process that has let go may have started another, which holds a copy of its descriptors until it calls exec.
const PATIENCE: Duration = Duration::from_millis(200);
const PAUSE: Duration = Duration::from_millis(10);

/// Held as long as it lives; the kernel lets go of it when the process dies, however that happens.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(crate) fn take(directory: &Path, instance: &Instance) -> Result<Self, Error> {
        fs::create_dir_all(directory).map_err(Error::file("create", directory))?;
        let path = path(directory, instance);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut file = open(&path)?;
            match file.try_lock() {
                // Its former holder may have removed the file between our opening and locking it.
                Ok(()) if !is_still(&path, &file) => continue,
                Ok(()) => {
                    write_pid(&mut file).map_err(Error::file("write", &path))?;
                    return Ok(Self { file, path });
                }
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    let pid = read_pid(&mut file).map(|pid| pid.to_string());
                    return Err(Error::Locked {
                        instance: instance.to_string(),
                        pid: pid.unwrap_or_else(|| "unknown".to_owned()),
                    });
                }
                Err(TryLockError::Error(source)) => return Err(Error::file("lock", &path)(source)),
            }
        }
    }
}

impl Drop for Lock {
    /// Removes the file, then lets go: of a refused attach nothing stays.
    fn drop(&mut self) {
        if !is_still(&self.path, &self.file) {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(
                "cannot remove {} ({error}): it does no harm",
                self.path.display()
            );
        }
    }
}

/// The process that holds the lock, if any does.
pub(super) fn holder(directory: &Path, instance: &Instance) -> Result<Option<u32>, Error> {
    let path = path(directory, instance);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::file("open", &path)(source)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(read_pid(&mut file)),
        Err(TryLockError::Error(source)) => Err(Error::file("lock", &path)(source)),
    }
}

fn open(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o644)
        .open(path)
        .map_err(Error::file("open", path))
}

fn path(directory: &Path, instance: &Instance) -> PathBuf {
    directory.join(format!("{instance}.lock"))
}

fn is_still(path: &Path, file: &File) -> bool {
    match (fs::metadata(path), file.metadata()) {
        (Ok(there), Ok(ours)) => there.ino() == ours.ino() && there.dev() == ours.dev(),
        _ => false,
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
