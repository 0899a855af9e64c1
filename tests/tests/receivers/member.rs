//! A host that receives: it has the VIPs on loopback, a tunnel device, and servers that are bound to a VIP, or to its
//! own address if that is where packets go.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use anyhow::{Context as _, Result, ensure};
use tests::lab::namespace::sysctl;
use tests::lab::site::{VIP4, VIP6};

use crate::form::{Family, Form};
use crate::host::{Host, PATIENCE, ends};
use crate::readme::commands;

/// A member that takes one form off.
pub(crate) struct Member {
    host: Host,
    udp: UdpSocket,
    _tcp: TcpListener,
}

impl Member {
    /// With the form's device, and servers for the packets in it.
    pub(crate) fn new(form: &Form) -> Result<Self> {
        let (v4, v6) = (ends(Family::V4).1, ends(Family::V6).1);
        let host = Host::new(&format!(
            "addr add {v4}/24 dev eth0\n\
             addr add {v6}/64 dev eth0 nodad\n\
             addr add {VIP4}/32 dev lo\n\
             addr add {VIP6}/128 dev lo nodad"
        ))?;
        // Distributions switch it on.
        host.namespace
            .inside(|| sysctl("net/ipv4/conf/all/rp_filter", "1"))??;
        for command in commands(form) {
            let words: Vec<_> = command.split(' ').collect();
            host.namespace.output(words[0], &words[1..])?;
        }
        let receiver = form.receiver();
        let bind = || (UdpSocket::bind(receiver), TcpListener::bind(receiver));
        let (udp, tcp) = host.namespace.inside(bind)?;
        let udp = udp?;
        udp.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            host,
            udp,
            _tcp: tcp?,
        })
    }

    /// A datagram with this payload comes out of the frame.
    pub(crate) fn receive_datagram(&self, frame: &[u8], payload: &[u8]) -> Result<()> {
        self.host.send(frame)?;
        let mut buffer = [0; 2048];
        let received = self.udp.recv_from(&mut buffer);
        let (length, _) =
            received.with_context(|| format!("no datagram: {}", self.host.state()))?;
        ensure!(&buffer[..length] == payload, "another payload");
        self.host.nothing_was_wrong()
    }

    /// A SYN comes out of the frame: the listener's kernel answers it.
    pub(crate) fn receive_syn(&self, frame: &[u8]) -> Result<()> {
        let before = self.host.counter("Tcp", "OutSegs")?;
        self.host.send(frame)?;
        self.host.wait("an answer to the SYN", |host| {
            Ok(host.counter("Tcp", "OutSegs")? > before)
        })?;
        self.host.nothing_was_wrong()
    }

    /// A datagram comes out of the frame, but its checksum is wrong.
    pub(crate) fn refuse_datagram(&self, frame: &[u8]) -> Result<()> {
        self.host.send(frame)?;
        self.host.wait("a wrong checksum to be counted", |host| {
            Ok(host.wrong_checksums()? == 1)
        })?;
        self.udp.set_nonblocking(true)?;
        let received = self.udp.recv_from(&mut [0; 2048]);
        let nothing = received.is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        ensure!(nothing, "it was handed over all the same");
        Ok(())
    }

    /// The frame is an ICMP error about what the server has sent to the client: its socket says that the port is closed.
    pub(crate) fn hear_of_a_closed_port(&self, client: SocketAddr, frame: &[u8]) -> Result<()> {
        self.host.namespace.inside(|| self.udp.connect(client))??;
        self.host.send_until_refused(frame, &self.udp)
    }
}
