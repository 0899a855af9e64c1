//! Raw frames on the client's interface: a SYN to the VIP out, and what the balancer made of it back in. The segment
//! floods it, since nobody there has the member's MAC.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::mem::{size_of, zeroed};
use std::os::fd::FromRawFd as _;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use nix::net::if_::if_nametoindex;
use tests::lab::site::{Host, VIP4};

const ETHERTYPE_IPV4: u16 = 0x0800;
const MEMBER_MAC: [u8; 5] = [2, 0, 0, 0, 1];
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const FRAME_LEN: usize = 54;

/// A packet socket on a host's interface.
pub(super) struct Wire {
    socket: File,
    frame: [u8; FRAME_LEN],
}

impl Wire {
    /// Opens one; the thread must be in the host's namespace. `to` is the balancer's MAC.
    pub(super) fn open(client: &Host, to: [u8; 6]) -> Result<Self> {
        let protocol = ETHERTYPE_IPV4.to_be();
        // SAFETY: socket(2) takes three integers.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW, protocol.into()) };
        ensure!(
            fd >= 0,
            "no packet socket: {}",
            std::io::Error::last_os_error()
        );
        // SAFETY: a new descriptor that nobody else owns.
        let socket = unsafe { File::from_raw_fd(fd) };
        // SAFETY: a structure of integers, for which all zero is a value.
        let mut address: libc::sockaddr_ll = unsafe { zeroed() };
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = protocol;
        address.sll_ifindex = if_nametoindex("eth0")? as i32;
        let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
        // SAFETY: the address lives through the call and has the length that is told.
        let bound = unsafe { libc::bind(fd, (&raw const address).cast(), length) };
        ensure!(
            bound == 0,
            "cannot bind: {}",
            std::io::Error::last_os_error()
        );
        let wait = libc::timeval {
            tv_sec: 0,
            tv_usec: 200_000,
        };
        let length = size_of::<libc::timeval>() as libc::socklen_t;
        // SAFETY: as above.
        let set = unsafe {
            libc::setsockopt(
                fd,
                libc::SOL_SOCKET,
                libc::SO_RCVTIMEO,
                (&raw const wait).cast(),
                length,
            )
        };
        ensure!(
            set == 0,
            "cannot set a timeout: {}",
            std::io::Error::last_os_error()
        );
        Ok(Self {
            socket,
            frame: syn(client, to),
        })
    }

    /// Which member a SYN from a client port reaches now: the last byte of its MAC.
    pub(super) fn member_of(&self, port: u16) -> Result<u8> {
        let mut frame = self.frame;
        frame[34..36].copy_from_slice(&port.to_be_bytes());
        (&self.socket).write_all(&frame)?;
        let deadline = Instant::now() + ANSWER_WITHIN;
        let mut seen = [0; 256];
        loop {
            ensure!(
                Instant::now() < deadline,
                "no packet came from the balancer"
            );
            let read = match (&self.socket).read(&mut seen) {
                // A bridge port that has just come up drops what comes before it forwards.
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    (&self.socket).write_all(&frame)?;
                    continue;
                }
                read => read?,
            };
            let ours = read >= FRAME_LEN && seen[34..36] == port.to_be_bytes();
            if ours && seen[..5] == MEMBER_MAC {
                return Ok(seen[5]);
            }
        }
    }
}

/// MAC of a host's interface.
pub(super) fn mac_of(host: &Host) -> Result<[u8; 6]> {
    let text = host
        .namespace
        .output("ip", &["-o", "link", "show", "eth0"])?;
    let mac = text
        .split_whitespace()
        .skip_while(|word| *word != "link/ether")
        .nth(1);
    let bytes = hex::decode(mac.context("no MAC")?.replace(':', ""))?;
    bytes.try_into().ok().context("a MAC of another length")
}

fn syn(client: &Host, to: [u8; 6]) -> [u8; FRAME_LEN] {
    let mut frame = [0; FRAME_LEN];
    frame[..6].copy_from_slice(&to);
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 9, 9]);
    frame[12..14].copy_from_slice(&ETHERTYPE_IPV4.to_be_bytes());
    frame[14] = 0x45;
    frame[16..18].copy_from_slice(&40_u16.to_be_bytes());
    frame[22..24].copy_from_slice(&[64, 6]);
    frame[26..30].copy_from_slice(&client.ipv4().octets());
    frame[30..34].copy_from_slice(&VIP4.octets());
    let sum: u32 = frame[14..34]
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]))
        .sum();
    // A bridge with netfilter drops a wrong header checksum. Two folds are enough for ten words.
    let folded = (sum & 0xffff) + (sum >> 16);
    let folded = (folded & 0xffff) + (folded >> 16);
    frame[24..26].copy_from_slice(&(!(folded as u16)).to_be_bytes());
    frame[36..38].copy_from_slice(&80_u16.to_be_bytes());
    frame[46..48].copy_from_slice(&[0x50, 0x02]);
    frame
}
