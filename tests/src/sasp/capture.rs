//! A SASP conversation as a capture file of TCP segments. Only what a dissector needs: no handshake, no checksums.

use sasp_ctl::sasp::{code::PORT, msg::Body};

/// Packets begin with their IPv4 header (the capture format's link type of that meaning).
const LINK_TYPE_IPV4: u32 = 228;
const PACKET_MAX: u32 = 65_535;
const IPV4_LEN: usize = 20;
const TCP_LEN: usize = 20;
const CLIENT_PORT: u16 = 40_000;
const CLIENT: [u8; 4] = [192, 0, 2, 1];
const GWM: [u8; 4] = [192, 0, 2, 2];

/// Who sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// A balancer or a member.
    Client,
    /// The GWM, from its well-known port.
    Gwm,
}

impl Side {
    /// Requests go to the GWM, everything else comes from it.
    pub fn sending(body: &Body) -> Self {
        match body {
            Body::RegistrationRequest(_)
            | Body::DeregistrationRequest(_)
            | Body::GetWeightsRequest(_)
            | Body::SetLbStateRequest(_)
            | Body::SetMemberStateRequest(_) => Self::Client,
            Body::RegistrationReply(_)
            | Body::DeregistrationReply(_)
            | Body::GetWeightsReply(_)
            | Body::SendWeights(_)
            | Body::SetLbStateReply(_)
            | Body::SetMemberStateReply(_) => Self::Gwm,
        }
    }
}

/// A capture file of one connection, in memory.
#[derive(Debug)]
pub struct Capture {
    file: Vec<u8>,
    sent_by_client: u32,
    sent_by_gwm: u32,
}

impl Default for Capture {
    fn default() -> Self {
        let mut file = Vec::new();
        // Magic of a file with microseconds, version 2.4, time zone and accuracy (which nobody uses).
        for word in [0xa1b2_c3d4, 0x0002_0004, 0, 0, PACKET_MAX, LINK_TYPE_IPV4] {
            file.extend(u32::to_be_bytes(word));
        }
        Self {
            file,
            sent_by_client: 0,
            sent_by_gwm: 0,
        }
    }
}

impl Capture {
    /// Adds bytes that `side` sends, in segments of at most `segment` bytes each.
    pub fn send(&mut self, side: Side, bytes: &[u8], segment: usize) {
        for payload in bytes.chunks(segment) {
            self.packet(side, payload);
            let sent = match side {
                Side::Client => &mut self.sent_by_client,
                Side::Gwm => &mut self.sent_by_gwm,
            };
            *sent += payload.len() as u32;
        }
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.file
    }

    fn packet(&mut self, side: Side, payload: &[u8]) {
        let length = IPV4_LEN + TCP_LEN + payload.len();
        for word in [0, 0, length as u32, length as u32] {
            self.file.extend(u32::to_be_bytes(word));
        }
        let (client, gwm) = (
            (CLIENT, CLIENT_PORT, self.sent_by_client),
            (GWM, PORT, self.sent_by_gwm),
        );
        let ((source, source_port, sent), (destination, destination_port, received)) = match side {
            Side::Client => (client, gwm),
            Side::Gwm => (gwm, client),
        };
        let length = u16::try_from(length).expect("segments fit a packet");
        // Version and header length, don't fragment, TTL 64, TCP, no checksum.
        self.file.extend([0x45, 0]);
        self.file.extend(length.to_be_bytes());
        self.file.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        self.file.extend(source);
        self.file.extend(destination);
        self.file.extend(source_port.to_be_bytes());
        self.file.extend(destination_port.to_be_bytes());
        self.file.extend(sent.to_be_bytes());
        self.file.extend(received.to_be_bytes());
        // Header length, PSH and ACK, a wide window, no checksum, no urgent data.
        self.file.extend([0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
        self.file.extend(payload);
    }
}
