//! Packets out of a pcap or pcapng file, one at a time.
//!
//! `pcap-file` finds packets and blocks; what stands in their headers is read here, because it refuses captures whose
//! packets were cut to a snap length and takes every pcapng time for nanoseconds.

use std::io::Read;
use std::time::Duration;

use pcap_file::pcap::PcapReader;
use pcap_file::pcapng::PcapNgReader;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, Endianness, PcapError, TsResolution};

// Types of the blocks that hold packets (pcapng sections 4.3, 4.4 and appendix A).
const PACKET_BLOCK: u32 = 2;
const SIMPLE_PACKET_BLOCK: u32 = 3;
const ENHANCED_PACKET_BLOCK: u32 = 6;
/// A file with more is damaged, or means harm.
const INTERFACES_MAX: usize = 4096;

/// The two kinds of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Magic {
    Pcap,
    PcapNg,
}

impl Magic {
    /// By the first four bytes.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        match head {
            [0xa1, 0xb2, 0xc3, 0xd4]
            | [0xd4, 0xc3, 0xb2, 0xa1]
            | [0xa1, 0xb2, 0x3c, 0x4d]
            | [0x4d, 0x3c, 0xb2, 0xa1] => Some(Self::Pcap),
            [0x0a, 0x0d, 0x0d, 0x0a] => Some(Self::PcapNg),
            _ => None,
        }
    }
}

/// A packet as it was captured.
#[derive(Debug)]
pub(super) struct Packet {
    /// Since 1970.
    pub(super) time: Duration,
    pub(super) link: DataLink,
    /// From the link-layer header on; may be cut short.
    pub(super) data: Vec<u8>,
}

/// A file that is being read.
pub(super) enum Capture<R: Read> {
    Pcap(PcapReader<R>),
    PcapNg(PcapNgReader<R>),
}

impl<R: Read> Capture<R> {
    /// # Errors
    /// A reason, if it is no such file after all.
    pub(super) fn open(magic: Magic, from: R) -> Result<Self, String> {
        match magic {
            Magic::Pcap => PcapReader::new(from).map(Self::Pcap),
            Magic::PcapNg => PcapNgReader::new(from).map(Self::PcapNg),
        }
        .map_err(|error| reason(&error))
    }

    /// The next packet; nothing more can be read after an error.
    pub(super) fn next_packet(&mut self) -> Option<Result<Packet, String>> {
        match self {
            Self::Pcap(reader) => {
                let header = reader.header();
                let packet = match reader.next_raw_packet()? {
                    Ok(packet) => packet,
                    Err(error) => return Some(Err(reason(&error))),
                };
                let nanoseconds = match header.ts_resolution {
                    TsResolution::MicroSecond => u64::from(packet.ts_frac) * 1_000,
                    TsResolution::NanoSecond => u64::from(packet.ts_frac),
                };
                Some(Ok(Packet {
                    time: Duration::from_secs(packet.ts_sec.into())
                        + Duration::from_nanos(nanoseconds),
                    link: header.datalink,
                    data: packet.data.into_owned(),
                }))
            }
            Self::PcapNg(reader) => loop {
                let endianness = reader.section().endianness;
                let raw = match reader.next_raw_block()? {
                    Ok(block) => Raw::of(block.type_, &block.body, endianness),
                    Err(error) => return Some(Err(reason(&error))),
                };
                if reader.interfaces().len() > INTERFACES_MAX {
                    return Some(Err(format!("it has more than {INTERFACES_MAX} interfaces")));
                }
                match raw.map(|raw| raw?.packet(reader.interfaces())) {
                    None => {}
                    Some(Some(packet)) => return Some(Ok(packet)),
                    Some(None) => return Some(Err("a packet block makes no sense".to_owned())),
                }
            },
        }
    }
}

fn reason(error: &PcapError) -> String {
    match error {
        PcapError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "it ends inside a packet".to_owned()
        }
        PcapError::IoError(error) => error.to_string(),
        _ => format!("it is damaged ({error})"),
    }
}

/// A packet block before its interface is known.
struct Raw {
    interface: usize,
    /// In the units of the interface.
    time: u64,
    data: Vec<u8>,
}

impl Raw {
    /// `None`: not a packet. `Some(None)`: one that makes no sense.
    fn of(kind: u32, body: &[u8], endianness: Endianness) -> Option<Option<Self>> {
        let mut from = Body {
            rest: body,
            endianness,
        };
        match kind {
            ENHANCED_PACKET_BLOCK => Some(from.packet(Body::u32)),
            PACKET_BLOCK => Some(from.packet(|from| {
                let interface = from.u16()?;
                let _drops = from.u16()?;
                Some(interface.into())
            })),
            SIMPLE_PACKET_BLOCK => Some(from.u32().map(|length| {
                let length = from.rest.len().min(length as usize);
                Self {
                    interface: 0,
                    time: 0,
                    data: from.rest.get(..length).unwrap_or_default().to_vec(),
                }
            })),
            _ => None,
        }
    }

    fn packet(self, interfaces: &[InterfaceDescriptionBlock<'_>]) -> Option<Packet> {
        let interface = interfaces.get(self.interface)?;
        Some(Packet {
            time: time(self.time, interface),
            link: interface.linktype,
            data: self.data,
        })
    }
}

/// What is left of a block.
struct Body<'a> {
    rest: &'a [u8],
    endianness: Endianness,
}

impl Body<'_> {
    fn packet(&mut self, interface: impl FnOnce(&mut Self) -> Option<u32>) -> Option<Raw> {
        let interface = interface(self)? as usize;
        let (high, low) = (self.u32()?, self.u32()?);
        let captured = self.u32()? as usize;
        let _original = self.u32()?;
        Some(Raw {
            interface,
            time: u64::from(high) << 32 | u64::from(low),
            data: self.rest.get(..captured)?.to_vec(),
        })
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.array()?;
        Some(match self.endianness {
            Endianness::Big => u32::from_be_bytes(bytes),
            Endianness::Little => u32::from_le_bytes(bytes),
        })
    }

    fn u16(&mut self) -> Option<u16> {
        let bytes = self.array()?;
        Some(match self.endianness {
            Endianness::Big => u16::from_be_bytes(bytes),
            Endianness::Little => u16::from_le_bytes(bytes),
        })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(*bytes)
    }
}

/// A pcapng time: in microseconds, unless the interface has another resolution.
fn time(units: u64, interface: &InterfaceDescriptionBlock<'_>) -> Duration {
    let mut resolution = 6;
    let mut offset = 0;
    for option in &interface.options {
        match option {
            InterfaceDescriptionOption::IfTsResol(value) => resolution = *value,
            InterfaceDescriptionOption::IfTsOffset(seconds) => offset = *seconds,
            _ => {}
        }
    }
    let exponent = u32::from(resolution & 0x7f);
    let per_second = match resolution & 0x80 != 0 {
        true => 1_u128.checked_shl(exponent),
        false => 10_u128.checked_pow(exponent),
    };
    let Some(per_second) = per_second.filter(|per_second| *per_second > 0) else {
        return Duration::from_secs(offset);
    };
    let units = u128::from(units);
    let nanoseconds = (units % per_second)
        .checked_mul(1_000_000_000)
        .map_or(0, |product| product / per_second);
    // Both are in range: units has 64 bits, and the rest of a division is below one second.
    Duration::from_secs((units / per_second) as u64)
        .saturating_add(Duration::from_nanos(nanoseconds as u64))
        .saturating_add(Duration::from_secs(offset))
}
