//! Frames that are just right enough for the pipeline.

use std::net::{IpAddr, SocketAddr};

use sasp_xdp_common::parse::{TCP, UDP};

/// What a packet says to its flow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Says {
    /// TCP SYN; over UDP nothing special.
    Open,
    /// TCP ACK; UDP payload.
    Data,
    /// TCP RST; over UDP nothing special.
    Reset,
}

/// A frame from `client` to `vip`, both of the same family.
pub(super) fn frame(client: SocketAddr, vip: SocketAddr, protocol: u8, says: Says) -> Vec<u8> {
    let transport = match protocol {
        TCP => tcp(client.port(), vip.port(), says),
        UDP => udp(client.port(), vip.port()),
        other => panic!("no frames of protocol {other}"),
    };
    let mut frame = vec![0; 12];
    match (client.ip(), vip.ip()) {
        (IpAddr::V4(client), IpAddr::V4(vip)) => {
            let length = 20 + transport.len() as u16;
            frame.extend([0x08, 0x00, 0x45, 0]);
            frame.extend(length.to_be_bytes());
            frame.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
            frame.extend(client.octets());
            frame.extend(vip.octets());
        }
        (IpAddr::V6(client), IpAddr::V6(vip)) => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((transport.len() as u16).to_be_bytes());
            frame.extend([protocol, 64]);
            frame.extend(client.octets());
            frame.extend(vip.octets());
        }
        mixed => panic!("two families: {mixed:?}"),
    }
    frame.extend(transport);
    frame
}

fn tcp(source: u16, destination: u16, says: Says) -> Vec<u8> {
    let flags = match says {
        Says::Open => 0x02,
        Says::Data => 0x10,
        Says::Reset => 0x04,
    };
    let mut header = Vec::new();
    header.extend(source.to_be_bytes());
    header.extend(destination.to_be_bytes());
    header.extend([0; 8]);
    header.extend([0x50, flags]);
    header.extend([0; 6]);
    header
}

fn udp(source: u16, destination: u16) -> Vec<u8> {
    let mut header = Vec::new();
    header.extend(source.to_be_bytes());
    header.extend(destination.to_be_bytes());
    header.extend(8_u16.to_be_bytes());
    header.extend([0; 2]);
    header
}
