//! An `openssl` that speaks TLS for us: bytes in, bytes out.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use super::PATIENCE;

/// The process; ended with the test.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    stdin: ChildStdin,
    output: Receiver<Vec<u8>>,
    heard: Vec<u8>,
}

impl Peer {
    /// Starts `openssl` with these arguments.
    pub fn start(arguments: &[String]) -> Self {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed: `cargo xtask setup` brings it");
        let stdin = child.stdin.take().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let (bytes, output) = channel();
        // Ends with the process, or with the test.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                if bytes.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            stdin,
            output,
            heard: Vec::new(),
        }
    }

    /// Says something.
    pub fn send(&mut self, bytes: &[u8]) {
        self.stdin.write_all(bytes).unwrap();
        self.stdin.flush().unwrap();
    }

    /// Waits for what `find` finds in everything that has not been taken yet: where it ends, and what it is.
    pub fn wait_for<T>(&mut self, find: impl Fn(&[u8]) -> Option<(usize, T)>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some((end, found)) = find(&self.heard) {
                self.heard.drain(..end);
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            match self.output.recv_timeout(left) {
                Ok(bytes) => self.heard.extend(bytes),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&self.heard)),
            }
        }
    }

    /// The next SASP message, whatever else stands before it.
    pub fn message(&mut self) -> Vec<u8> {
        self.wait_for(|heard| {
            const HEADER: [u8; 5] = [0x20, 0x10, 0, 13, 1];
            let start = heard.windows(HEADER.len()).position(|at| at == HEADER)?;
            let length: [u8; 4] = heard.get(start + 5..start + 9)?.try_into().unwrap();
            let end = start + u32::from_be_bytes(length) as usize;
            Some((end, heard.get(start..end)?.to_vec()))
        })
    }

    /// Waits until the other side has ended the connection.
    pub fn assert_refused(&mut self) {
        let status = self.child.wait().unwrap();
        assert!(!status.success(), "the handshake was to fail");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _already_ended = self.child.kill();
        self.child.wait().unwrap();
    }
}
