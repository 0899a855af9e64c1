//! A log nobody reads, and one that cannot be written.

use std::io::{PipeReader, PipeWriter, Read as _, pipe};
use std::sync::Mutex;

use super::*;

/// More than any pipe holds.
const LINES: u64 = 2000;
const LINE: &[u8] = &[b'x'; 1024];

#[test]
fn a_reader_who_does_not_read_stops_nobody_and_is_told_what_is_missing() {
    static STUCK: Mutex<Option<PipeWriter>> = Mutex::new(None);
    let (mut reader, writer): (PipeReader, _) = pipe().unwrap();
    *STUCK.lock().unwrap() = Some(writer);
    let mut log = spawn(|| STUCK.lock().unwrap().take().unwrap(), 16).unwrap();
    for _ in 0..LINES {
        log.write_all(LINE).unwrap();
    }
    assert!(!log.flush(Duration::from_millis(10)), "nobody has read");
    assert!(log.dropped.load(Ordering::Relaxed) > 0);
    drop(log);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    let told: u64 = text
        .split("WARN ")
        .skip(1)
        .filter_map(|line| line.split_once(' ')?.0.parse::<u64>().ok())
        .sum();
    let written = text.matches(str::from_utf8(LINE).unwrap()).count() as u64;
    assert_eq!(told + written, LINES);
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_to_nobody() {
    fn full() -> std::fs::File {
        let mut options = std::fs::File::options();
        options.write(true).open("/dev/full").unwrap()
    }
    let mut log = spawn(full, 16).unwrap();
    log.write_all(b"lost\n").unwrap();
    assert!(log.flush(Duration::from_secs(10)));
}
