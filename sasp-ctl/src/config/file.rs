//! Reads a configuration file: a regular file of a size that somebody may have written.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Far more than the largest balancer needs.
const BYTES_MAX: u64 = 16 << 20;

/// The text of a file.
///
/// # Errors
/// What is wrong with it; `if_missing` is what to do if there is none.
pub(crate) fn read(path: &Path, if_missing: &str) -> Result<String, String> {
    let unreadable = |error: io::Error| {
        let advice = match error.kind() {
            io::ErrorKind::NotFound => format!(": {if_missing}"),
            io::ErrorKind::InvalidData => ": the file must be UTF-8 text".to_owned(),
            _ => String::new(),
        };
        format!("cannot be read: {error}{advice}")
    };
    let file = File::options()
        .read(true)
        // Opening a FIFO would wait for a writer.
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        let what = match metadata.is_dir() {
            true => "a directory",
            false => "a pipe or a device",
        };
        return Err(format!("is {what}: name a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!(
            "is larger than {} MiB: name a configuration file",
            BYTES_MAX >> 20
        ));
    }
    String::from_utf8(bytes)
        .map_err(|error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_regular_file_of_some_size_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        File::create(path("huge"))
            .unwrap()
            .set_len(BYTES_MAX + 1)
            .unwrap();
        std::fs::write(path("binary"), [0xff]).unwrap();
        for (path, reason) in [
            (path("fifo"), "is a pipe or a device"),
            ("/dev/zero".into(), "is a pipe or a device"),
            (directory.path().to_owned(), "is a directory"),
            (path("huge"), "is larger than 16 MiB"),
            (path("binary"), "must be UTF-8"),
            (path("none"), "write it"),
        ] {
            let refused = read(&path, "write it").unwrap_err();
            assert!(refused.contains(reason), "{}: {refused}", path.display());
        }
        std::fs::write(path("good"), "x = 1").unwrap();
        assert_eq!(read(&path("good"), "").unwrap(), "x = 1");
    }
}
