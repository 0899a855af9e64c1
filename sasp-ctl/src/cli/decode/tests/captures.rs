//! Captures that are written here, packet by packet.

use std::borrow::Cow;
use std::time::Duration;

use etherparse::PacketBuilder;
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapWriter};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};
use pcap_file::{DataLink, Endianness, TsResolution};

use super::*;

const V4: ([u8; 4], [u8; 4]) = ([192, 0, 2, 1], [192, 0, 2, 2]);
const MAC: ([u8; 6], [u8; 6]) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
const CLIENT: u16 = 40_000;

fn request() -> Vec<u8> {
    hexdump::parse(CONVERSATION).unwrap()[..32].to_vec()
}

fn reply() -> Vec<u8> {
    hexdump::parse(CONVERSATION).unwrap()[32..].to_vec()
}

/// Who sends.
#[derive(Clone, Copy)]
enum From {
    Client,
    Gwm,
}

fn ethernet() -> etherparse::PacketBuilderStep<etherparse::Ethernet2Header> {
    PacketBuilder::ethernet2(MAC.0, MAC.1)
}

/// An IPv4 packet over Ethernet.
fn packet(from: From, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let (source, destination) = match from {
        From::Client => V4,
        From::Gwm => (V4.1, V4.0),
    };
    let (from_port, to_port) = ports(from);
    let mut bytes = Vec::new();
    ethernet()
        .ipv4(source, destination, 64)
        .tcp(from_port, to_port, sequence, 1000)
        .write(&mut bytes, payload)
        .unwrap();
    bytes
}

fn ports(from: From) -> (u16, u16) {
    match from {
        From::Client => (CLIENT, PORT),
        From::Gwm => (PORT, CLIENT),
    }
}

/// Packets a millisecond apart, of this link type.
fn pcap(link: DataLink, packets: &[Vec<u8>]) -> Vec<u8> {
    let header = PcapHeader {
        datalink: link,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for (number, data) in packets.iter().enumerate() {
        let time = Duration::from_millis(1_000_000 + number as u64);
        writer
            .write_packet(&PcapPacket::new(time, data.len() as u32, data))
            .unwrap();
    }
    writer.into_writer()
}

/// Type, ends and what it answers of every message; it must be all that there is.
fn shown(capture: &[u8]) -> Vec<String> {
    let (value, done) = as_json(capture);
    done.unwrap_or_else(|failure| panic!("{failure:?}: {value}"));
    messages(&value)
}

fn messages(value: &serde_json::Value) -> Vec<String> {
    let messages = value["messages"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    messages
        .map(|message| {
            [
                text(&message["type"]),
                text(&message["from"]),
                text(&message["to"]),
                text(&message["answers"]["type"]),
            ]
            .join(" ")
        })
        .collect()
}

const BOTH: [&str; 2] = [
    "Get Weights Request 192.0.2.1:40000 192.0.2.2:3860 -",
    "Get Weights Reply 192.0.2.2:3860 192.0.2.1:40000 Get Weights Request",
];

#[test]
fn a_conversation_is_shown_with_times_and_ends() {
    let packets = [
        packet(From::Client, 100, &request()),
        packet(From::Gwm, 500, &reply()),
    ];
    let capture = pcap(DataLink::ETHERNET, &packets);
    assert_eq!(shown(&capture), BOTH);
    let (value, _) = as_json(&capture);
    assert_eq!(value["messages"][1]["time"], "1970-01-01T00:16:40.001000Z");
    assert_eq!(value["messages"][1]["answers"]["latency_seconds"], 0.001);
    let (text, _) = decode(&capture, false);
    let heading = "1970-01-01T00:16:40.001000Z  192.0.2.2:3860 > 192.0.2.1:40000  Get Weights Reply (0x1035), from the GWM, RFC 4678 section 7.3.2, answers Get Weights Request after 1.000 ms\n";
    assert!(text.contains(heading), "{text}");
}

#[test]
fn split_repeated_and_reordered_segments_are_put_together() {
    let (request, reply) = (request(), reply());
    let client = |at: usize, end: usize| packet(From::Client, 100 + at as u32, &request[at..end]);
    let packets = [
        client(0, 5),
        client(20, 32),
        client(0, 5),
        client(3, 20),
        client(3, 32),
        packet(From::Gwm, u32::MAX - 3, &reply[..10]),
        packet(From::Gwm, 6, &reply[10..]),
    ];
    assert_eq!(shown(&pcap(DataLink::ETHERNET, &packets)), BOTH);
}

#[test]
fn every_link_type_that_people_capture_on_is_read() {
    let ethernet = packet(From::Client, 1, &request());
    let ip = ethernet[14..].to_vec();
    let with = |header: &[u8]| [header, &ip].concat();
    let sll: Vec<u8> = [&[0; 14][..], &[8, 0]].concat();
    let sll2: Vec<u8> = [&[8, 0][..], &[0; 18]].concat();
    for (link, data) in [
        (DataLink::ETHERNET, ethernet.clone()),
        (DataLink::RAW, ip.clone()),
        (DataLink::IPV4, ip.clone()),
        (DataLink::LINUX_SLL, with(&sll)),
        (DataLink::LINUX_SLL2, with(&sll2)),
        (DataLink::NULL, with(&[2, 0, 0, 0])),
        (DataLink::LOOP, with(&[0, 0, 0, 2])),
    ] {
        assert_eq!(shown(&pcap(link, &[data])), BOTH[..1], "{link:?}");
    }
}

#[test]
fn tags_and_ipv6_with_extension_headers_are_no_obstacle() {
    let mut tagged = Vec::new();
    let one = 1.try_into().unwrap();
    let two = 2.try_into().unwrap();
    ethernet()
        .double_vlan(one, two)
        .ipv4(V4.0, V4.1, 64)
        .tcp(CLIENT, PORT, 1, 1000)
        .write(&mut tagged, &request())
        .unwrap();
    assert_eq!(shown(&pcap(DataLink::ETHERNET, &[tagged])), BOTH[..1]);
    let mut v6 = Vec::new();
    ethernet()
        .ipv6([0x20; 16], [0x21; 16], 64)
        .tcp(CLIENT, PORT, 1, 1000)
        .write(&mut v6, &request())
        .unwrap();
    // A hop-by-hop header of 8 bytes between IPv6 and TCP.
    let mut extended = v6.clone();
    extended[18..20].copy_from_slice(&(20 + 32 + 8_u16).to_be_bytes());
    extended[20] = 0;
    extended.splice(54..54, [6, 0, 1, 4, 0, 0, 0, 0]);
    let ends = "[2020:2020:2020:2020:2020:2020:2020:2020]:40000 [2121:2121:2121:2121:2121:2121:2121:2121]:3860";
    for packet in [v6, extended] {
        let shown = shown(&pcap(DataLink::ETHERNET, &[packet]));
        assert_eq!(shown, [format!("Get Weights Request {ends} -")]);
    }
}

#[test]
fn padding_of_short_ethernet_frames_is_no_payload() {
    let ack = packet(From::Client, 1, &[]);
    let padded = [&ack[..], &[0; 6]].concat();
    let packets = [padded, packet(From::Client, 1, &request())];
    assert_eq!(shown(&pcap(DataLink::ETHERNET, &packets)), BOTH[..1]);
}

/// A pcapng file with times in these units.
fn pcapng(endianness: Endianness, resolution: Option<u8>, units: u64, data: &[u8]) -> Vec<u8> {
    let mut writer = PcapNgWriter::with_endianness(Vec::new(), endianness).unwrap();
    let options = resolution.map(InterfaceDescriptionOption::IfTsResol);
    writer
        .write_pcapng_block(InterfaceDescriptionBlock {
            linktype: DataLink::ETHERNET,
            snaplen: 0,
            options: options.into_iter().collect(),
        })
        .unwrap();
    writer
        .write_pcapng_block(EnhancedPacketBlock {
            interface_id: 0,
            // The library writes nanoseconds as the units they are not.
            timestamp: Duration::from_nanos(units),
            original_len: data.len() as u32,
            data: Cow::Borrowed(data),
            options: vec![],
        })
        .unwrap();
    writer.into_inner()
}

#[test]
fn pcapng_times_are_in_the_units_of_their_interface() {
    let data = packet(From::Client, 1, &request());
    for (endianness, resolution, units) in [
        (Endianness::Little, None, 1_500_000),
        (Endianness::Big, None, 1_500_000),
        (Endianness::Little, Some(9), 1_500_000_000),
        (Endianness::Big, Some(3), 1_500),
        (Endianness::Little, Some(0x80 | 1), 3),
    ] {
        let capture = pcapng(endianness, resolution, units, &data);
        assert_eq!(shown(&capture), BOTH[..1]);
        let (value, _) = as_json(&capture);
        assert_eq!(value["messages"][0]["time"], "1970-01-01T00:00:01.500000Z");
    }
    // A resolution that no number can hold.
    let capture = pcapng(Endianness::Little, Some(0x7f), 1, &data);
    assert_eq!(shown(&capture), BOTH[..1]);
}

#[test]
fn nanosecond_pcap_files_are_read() {
    let header = PcapHeader {
        datalink: DataLink::ETHERNET,
        ts_resolution: TsResolution::NanoSecond,
        endianness: Endianness::Little,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    let data = packet(From::Client, 1, &request());
    let time = Duration::new(1, 500_000_000);
    writer
        .write_packet(&PcapPacket::new(time, data.len() as u32, &data))
        .unwrap();
    let (value, done) = as_json(&writer.into_writer());
    done.unwrap();
    assert_eq!(value["messages"][0]["time"], "1970-01-01T00:00:01.500000Z");
}

fn problems(value: &serde_json::Value) -> Vec<String> {
    let problems = value["problems"].as_array().unwrap().iter();
    problems
        .map(|problem| problem["text"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_was_not_captured_is_a_gap_behind_which_it_goes_on() {
    let packets = [
        packet(From::Client, 100, &request()),
        packet(From::Client, 200, &request()),
    ];
    let (value, done) = as_json(&pcap(DataLink::ETHERNET, &packets));
    assert!(done.is_err());
    assert_eq!(messages(&value), [BOTH[0], BOTH[0]]);
    assert_eq!(problems(&value), ["68 bytes were not captured"]);
    assert_eq!(value["problems"][0]["from"], "192.0.2.1:40000");
}

#[test]
fn packets_that_were_cut_to_a_snap_length_are_used_as_far_as_they_go() {
    let whole = packet(From::Client, 100, &request());
    let header = PcapHeader {
        datalink: DataLink::ETHERNET,
        snaplen: 70,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for data in [&whole[..70], &packet(From::Client, 132, &[])] {
        writer
            .write_raw_packet(&pcap_file::pcap::RawPcapPacket {
                ts_sec: 1,
                ts_frac: 0,
                incl_len: data.len() as u32,
                orig_len: whole.len() as u32,
                data: Cow::Borrowed(data),
            })
            .unwrap();
    }
    let (value, done) = as_json(&writer.into_writer());
    assert!(done.is_err());
    assert_eq!(value["messages"][0]["cut"], "only 16 of 32 bytes are there");
    assert_eq!(problems(&value), ["16 bytes were not captured"]);
}

#[test]
fn a_file_that_ends_inside_a_packet_is_shown_up_to_there() {
    let packets = [
        packet(From::Client, 100, &request()),
        packet(From::Gwm, 500, &reply()),
    ];
    let whole = pcap(DataLink::ETHERNET, &packets);
    let (value, done) = as_json(&whole[..whole.len() - 3]);
    assert!(done.is_err());
    assert_eq!(messages(&value), BOTH[..1]);
    assert_eq!(
        problems(&value),
        ["the capture ends here: it ends inside a packet"]
    );
    let ng = pcapng(Endianness::Little, None, 1, &packets[0]);
    let (value, done) = as_json(&ng[..ng.len() - 3]);
    assert!(done.is_err());
    assert_eq!(
        problems(&value),
        ["the capture ends here: it ends inside a packet"]
    );
}

#[test]
fn other_ports_are_shown_if_they_start_like_sasp_and_nothing_else_is() {
    let other = |payload: &[u8]| {
        let mut bytes = Vec::new();
        ethernet()
            .ipv4(V4.0, V4.1, 64)
            .tcp(1, 2, 1, 1000)
            .write(&mut bytes, payload)
            .unwrap();
        bytes
    };
    let capture = pcap(DataLink::ETHERNET, &[other(b"GET /"), other(&request())]);
    assert_eq!(
        shown(&capture),
        ["Get Weights Request 192.0.2.1:1 192.0.2.2:2 -"]
    );
    let nothing = pcap(DataLink::ETHERNET, &[other(b"GET /")]);
    let (value, done) = as_json(&nothing);
    assert_eq!(messages(&value), Vec::<String>::new());
    assert!(line(done).starts_with("no SASP in 1 packets: none of a connection with port 3860"));
}

#[test]
fn encrypted_and_unreadable_connections_are_named_once() {
    let tls = [
        packet(From::Client, 1, &[0x16, 3, 1, 0, 5, 1, 2, 3]),
        packet(From::Client, 9, &[0x16, 3, 1, 0, 5, 1, 2, 3]),
    ];
    let (value, done) = as_json(&pcap(DataLink::ETHERNET, &tls));
    assert!(done.is_err());
    assert_eq!(problems(&value).len(), 1);
    assert!(problems(&value)[0].contains("encrypted (TLS)"));
    let (value, done) = as_json(&pcap(DataLink::USB_LINUX, &[vec![0; 60], vec![0; 60]]));
    assert!(done.is_err());
    assert_eq!(problems(&value).len(), 1);
    assert!(problems(&value)[0].contains("USB_LINUX"));
}

#[test]
fn a_request_from_the_wrong_side_is_wrong() {
    let (value, _) = as_json(&pcap(
        DataLink::ETHERNET,
        &[packet(From::Gwm, 1, &request())],
    ));
    let remarks = value["messages"][0]["remarks"].to_string();
    assert!(
        remarks.contains("the GWM sends what only its peer may send"),
        "{remarks}"
    );
}

/// A packet with these TCP flags.
fn control(sequence: u32, syn: bool, fin: bool, rst: bool) -> Vec<u8> {
    let mut step = ethernet()
        .ipv4(V4.0, V4.1, 64)
        .tcp(CLIENT, PORT, sequence, 1000);
    if syn {
        step = step.syn();
    }
    if fin {
        step = step.fin();
    }
    if rst {
        step = step.rst();
    }
    let mut bytes = Vec::new();
    step.write(&mut bytes, &[]).unwrap();
    bytes
}

#[test]
fn ports_that_are_used_again_are_another_connection() {
    let second = 3_000_000_000;
    let packets = [
        control(99, true, false, false),
        packet(From::Client, 100, &request()),
        control(132, false, false, true),
        control(second, true, false, false),
        control(second, true, false, false),
        packet(From::Client, second + 1, &request()),
        packet(From::Gwm, 1, &reply()),
        // Without an end of the former one.
        control(77, true, false, false),
        packet(From::Client, 78, &request()),
    ];
    let shown = shown(&pcap(DataLink::ETHERNET, &packets));
    assert_eq!(shown, [BOTH[0], BOTH[0], BOTH[1], BOTH[0]]);
}

#[test]
fn connections_without_number_do_not_pile_up() {
    let packets: Vec<_> = (0..3_000_u16)
        .map(|port| {
            let mut bytes = Vec::new();
            ethernet()
                .ipv4(V4.0, V4.1, 64)
                .tcp(10_000 + port, PORT, 1, 1000)
                .write(&mut bytes, &request())
                .unwrap();
            bytes
        })
        .collect();
    assert_eq!(shown(&pcap(DataLink::ETHERNET, &packets)).len(), 3_000);
}

proptest::proptest! {
    #[test]
    fn no_damage_to_a_capture_makes_it_panic(
        changes in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), 0..=u8::MAX), 1..6),
        ng in proptest::bool::ANY,
    ) {
        let packets = [packet(From::Client, 100, &request()), packet(From::Gwm, 500, &reply())];
        let mut file = match ng {
            true => pcapng(Endianness::Little, Some(6), 1, &packets[0]),
            false => pcap(DataLink::ETHERNET, &packets),
        };
        for (index, value) in changes {
            let index = index.index(file.len());
            file[index] = value;
        }
        let (text, _) = decode(&file, true);
        if !text.is_empty() {
            proptest::prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
        }
    }
}
