//! The opaque state byte of a member (RFC 4678 section 5.4), from a flag or a file.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// More than any byte takes to write, with white space around it.
const FILE_MAX: u64 = 64;

/// Parses a byte, decimal or hexadecimal behind `0x`.
///
/// # Errors
/// A reason, without the place where the text stood.
pub fn parse(text: &str) -> Result<u8, String> {
    let (digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None => (text, 10),
    };
    let is_number = digits.chars().all(|char| char.is_digit(radix));
    is_number
        .then(|| u8::from_str_radix(digits, radix).ok())
        .flatten()
        .ok_or_else(|| format!("{text:?} is no byte: write 0 to 255 or 0x00 to 0xff"))
}

/// Reads a byte from a file.
///
/// # Errors
/// A reason with the file's name.
pub fn read(path: &Path) -> Result<u8, String> {
    let text =
        text(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
    parse(text.trim()).map_err(|reason| format!("{}: {reason}", path.display()))
}

/// Of a regular file only: a pipe without a writer would hold up everything, the end of the agent, too.
fn text(path: &Path) -> io::Result<String> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    file.take(FILE_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_is_decimal_or_hexadecimal_and_nothing_else() {
        for (text, byte) in [("0", 0), ("255", 255), ("0x0a", 10), ("0xFF", 255)] {
            assert_eq!(parse(text), Ok(byte), "{text}");
        }
        for text in [
            "", "256", "-1", "+1", "0x", "0x100", "0x+1", "x", "1 2", "0X1",
        ] {
            assert!(parse(text).unwrap_err().contains("is no byte"), "{text}");
        }
    }

    #[test]
    fn a_file_holds_a_byte_with_white_space_around_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state");
        assert!(read(&path).unwrap_err().contains("cannot be read"));
        std::fs::write(&path, " 0x32\n").unwrap();
        assert_eq!(read(&path), Ok(0x32));
        let pipe = directory.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for no_file in [&pipe, directory.path(), Path::new("/dev/zero")] {
            let refused = read(no_file).unwrap_err();
            assert!(refused.contains("no regular file"), "{refused}");
        }
        std::fs::write(&path, "fine\n").unwrap();
        let refused = read(&path).unwrap_err();
        assert!(
            refused.starts_with(&path.display().to_string()),
            "{refused}"
        );
    }
}
