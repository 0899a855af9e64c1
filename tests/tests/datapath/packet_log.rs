//! The packet log: words when asked for, and not an instruction otherwise.

use std::io::{self, Write};
use std::time::Duration;

use aya::programs::loaded_programs;
use sasp_ctl::datapath::PacketLog;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::lab::{EDGE, Lab};
use crate::traffic::{SYN, frame4, one_service};

struct Lines(UnboundedSender<String>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Nobody listens once the test has found its line.
        let _ = self.0.send(String::from_utf8_lossy(bytes).into_owned());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_programs_words_reach_the_log() {
    let (sender, mut lines) = unbounded_channel();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(move || Lines(sender.clone()))
        .init();
    let lab = Lab::new();
    let mut options = lab.options();
    options.packet_log = PacketLog::Trace;
    let mut datapath = lab.try_attach(&options).unwrap();
    datapath.apply(&one_service()).unwrap();
    let log = datapath.take_packet_log().unwrap().expect("it is on");
    assert!(datapath.take_packet_log().unwrap().is_none());

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let drain = tokio::spawn(log);
        let ingress = lab.ifindex(EDGE);
        lab.inside(|| datapath.run(ingress, &frame4(1000, SYN)))
            .unwrap();
        let found = async {
            while let Some(line) = lines.recv().await {
                if line.contains("sent to backend 1") {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(10), found)
            .await
            .expect("the packet is in the log");
        drain.abort();
    });
}

#[test]
fn switched_off_it_is_not_in_the_program() {
    let lab = Lab::new();
    let size = |log| {
        let mut options = lab.options();
        options.packet_log = log;
        let mut datapath = lab.try_attach(&options).unwrap();
        if log == PacketLog::Off {
            assert!(datapath.take_packet_log().unwrap().is_none());
        }
        let id = lab.program_on(EDGE).unwrap();
        let program = loaded_programs()
            .map(Result::unwrap)
            .find(|program| program.id() == id);
        program.unwrap().size_translated().unwrap()
    };
    let (off, errors, all) = (
        size(PacketLog::Off),
        size(PacketLog::Error),
        size(PacketLog::Trace),
    );
    println!("bytes of program: off {off}, trace {all}");
    assert!(off < all);
    assert_eq!(off, errors, "it has no errors to tell");
}
