//! A peer: bytes out, whole messages in.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::PATIENCE;
use super::wire;

/// A connection to the GWM.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    next_id: u32,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            next_id: 0x8000_0001,
        }
    }

    /// Sends bytes; a peer that has closed already is found out by the next read.
    pub fn send(&mut self, bytes: &[u8]) {
        if let Err(error) = self.stream.write_all(bytes) {
            let gone = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
            assert!(gone.contains(&error.kind()), "cannot send: {error}");
        }
    }

    /// The next message's body, with its id.
    pub fn receive(&mut self) -> (u32, Vec<u8>) {
        let mut header = [0; 13];
        self.stream.read_exact(&mut header).expect("a message");
        assert_eq!(
            header[..5],
            [0x20, 0x10, 0, 13, 1],
            "our header and version"
        );
        let length = u32::from_be_bytes(header[5..9].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 13];
        self.stream.read_exact(&mut body).unwrap();
        (u32::from_be_bytes(header[9..].try_into().unwrap()), body)
    }

    /// Sends a body as a message; returns the body of its reply.
    pub fn ask(&mut self, body: &[u8]) -> Vec<u8> {
        self.next_id += 1;
        self.send(&wire::message(self.next_id, body));
        let (id, reply) = self.receive();
        assert_eq!(id, self.next_id, "the reply echoes the id");
        let reply_type = u16::from_be_bytes([body[0], body[1]]) + 5;
        assert_eq!(
            reply[..2],
            reply_type.to_be_bytes(),
            "the reply's type belongs to the request"
        );
        reply
    }

    /// The return code of the reply to this body.
    pub fn code(&mut self, body: &[u8]) -> u8 {
        self.ask(body)[4]
    }

    /// The next Send Weights.
    pub fn pushed(&mut self) -> Vec<u8> {
        let (id, body) = self.receive();
        assert_eq!((id, &body[..2]), (0, &[0x10, 0x40][..]), "Send Weights");
        body
    }

    /// Waits until the GWM closes the connection, which it must do without sending anything more.
    pub fn assert_closed(&mut self) {
        match self.stream.read(&mut [0; 1]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("not closed but {other:?}"),
        }
    }

    /// Ends the connection; returns when the GWM has noticed.
    pub fn finish(mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
        self.assert_closed();
    }

    /// Nothing comes for so long.
    pub fn assert_quiet(&mut self, time: Duration) {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let read = self.stream.read(&mut [0; 1]);
        let quiet = matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock);
        assert!(quiet, "not quiet but {read:?}");
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    }
}
