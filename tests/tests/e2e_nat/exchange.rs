//! Traffic that checks itself: who answered, whom he saw, and every byte both ways.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tests::lab::namespace::Namespace;

/// Generous: the machine may be loaded.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Who answered, and whom he took for his client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Seen {
    pub(crate) server: String,
    pub(crate) peer: SocketAddr,
}

impl Seen {
    fn parse(line: &str) -> Result<Self> {
        let (server, peer) = line.trim_end().split_once(' ').context("no answer")?;
        Ok(Self {
            server: server.to_owned(),
            peer: peer.parse()?,
        })
    }
}

/// Answers TCP on a port of every address, for as long as the process lives.
pub(crate) fn serve_tcp(namespace: &Namespace, name: &str, port: u16) -> Result<()> {
    let bind = || TcpListener::bind((Ipv6Addr::UNSPECIFIED, port));
    let listener = namespace.inside(bind)?.context("listen")?;
    let name = name.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let name = name.clone();
            // A client that hangs up or gives up knows by itself.
            thread::spawn(move || answer(stream, &name).ok());
        }
    });
    Ok(())
}

fn answer(mut stream: TcpStream, name: &str) -> Result<()> {
    let peer = plain(stream.peer_addr()?);
    stream.set_nodelay(true)?;
    loop {
        let mut head = [0; 24];
        stream.read_exact(&mut head)?;
        let field =
            |at: usize| -> Result<u64> { Ok(u64::from_be_bytes(head[at..at + 8].try_into()?)) };
        let (seed, up, down) = (field(0)?, field(8)? as usize, field(16)? as usize);
        let mut bytes = vec![0; up];
        stream.read_exact(&mut bytes)?;
        let right = bytes == pattern(seed, up);
        writeln!(stream, "{name} {peer}")?;
        // A wrong answer where the upload was wrong.
        stream.write_all(&pattern(if right { !seed } else { seed }, down))?;
    }
}

/// A dual-stack socket shows IPv4 clients as mapped addresses.
fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Bytes that tell flows and places apart.
fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let word = |count: u64| (seed ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes();
    let mut bytes: Vec<u8> = (0..length.div_ceil(8) as u64).flat_map(word).collect();
    bytes.truncate(length);
    bytes
}

/// A TCP connection to a VIP.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    pub(crate) local: SocketAddr,
}

impl Connection {
    pub(crate) fn open(from: &Namespace, to: SocketAddr, within: Duration) -> Result<Self> {
        let stream = from
            .inside(|| TcpStream::connect_timeout(&to, within))?
            .with_context(|| format!("connect to {to}"))?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_write_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            local: stream.local_addr()?,
            stream: BufReader::new(stream),
        })
    }

    /// Sends and receives so many bytes, and sees that they are the right ones.
    pub(crate) fn exchange(&mut self, up: usize, down: usize) -> Result<Seen> {
        let seed = u64::from(self.local.port()) << 32 | (up ^ down) as u64;
        let mut request: Vec<u8> = [seed, up as u64, down as u64]
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect();
        request.extend(pattern(seed, up));
        self.stream.get_mut().write_all(&request).context("send")?;
        let mut line = String::new();
        self.stream.read_line(&mut line).context("receive")?;
        let mut bytes = vec![0; down];
        self.stream.read_exact(&mut bytes).context("receive all")?;
        ensure!(bytes == pattern(!seed, down), "other bytes than were sent");
        Seen::parse(&line)
    }
}

/// Answers UDP on a port of every address; IPv4 with `sums` or without.
pub(crate) fn serve_udp(namespace: &Namespace, name: &str, port: u16, sums: bool) -> Result<()> {
    let bind = || UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port));
    let socket = namespace.inside(bind)?.context("bind")?;
    if !sums {
        send_no_checksums(&socket)?;
    }
    let name = name.to_owned();
    thread::spawn(move || {
        let mut buffer = [0; 2048];
        // An ICMP error about an answer is no reason to stop.
        loop {
            let Ok((length, peer)) = socket.recv_from(&mut buffer) else {
                continue;
            };
            let mut text = format!("{name} {}\n", plain(peer)).into_bytes();
            text.extend(&buffer[..length]);
            let _ = socket.send_to(&text, peer);
        }
    });
    Ok(())
}

/// A socket for a VIP: what comes from elsewhere is not received.
pub(crate) fn udp(from: &Namespace, to: SocketAddr) -> Result<UdpSocket> {
    let any: IpAddr = match to.is_ipv4() {
        true => Ipv4Addr::UNSPECIFIED.into(),
        false => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = from.inside(|| UdpSocket::bind((any, 0)))?.context("bind")?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    // Routes are those of the socket's namespace.
    socket.connect(to)?;
    Ok(socket)
}

/// Sends a datagram and sees that it comes back whole.
pub(crate) fn ask(socket: &UdpSocket, words: &[u8]) -> Result<Seen> {
    socket.send(words)?;
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer)?;
    let end = buffer
        .iter()
        .position(|byte| *byte == b'\n')
        .context("no line")?;
    ensure!(&buffer[end + 1..length] == words, "another datagram");
    Seen::parse(std::str::from_utf8(&buffer[..end])?)
}

/// `SO_NO_CHECK`: IPv4 datagrams go without a checksum, as RFC 768 allows.
pub(crate) fn send_no_checksums(socket: &UdpSocket) -> Result<()> {
    let on: libc::c_int = 1;
    // SAFETY: the kernel reads an int from `on`, which lives during the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_NO_CHECK,
            std::ptr::from_ref(&on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    ensure!(result == 0, std::io::Error::last_os_error());
    Ok(())
}
