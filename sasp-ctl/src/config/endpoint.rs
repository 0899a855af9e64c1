//! VIPs (`ADDR:PORT/tcp`) and the GWM's address (`HOST[:PORT]`) as people write them, and the inverse.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::balance::change::Vip;
use crate::sasp::code::PORT;

/// IP protocol number of TCP.
pub const TCP: u8 = 6;
/// IP protocol number of UDP.
pub const UDP: u8 = 17;

/// The name of a protocol that a service may have.
pub fn protocol_name(protocol: u8) -> &'static str {
    match protocol {
        0 => "any",
        TCP => "tcp",
        UDP => "udp",
        _ => "other",
    }
}

/// Parses `ADDR:PORT/tcp` or `/udp`, where port 0 stands for every port, or `ADDR`, which is port 0 and protocol 0:
/// every port of every protocol. The error is a reason, without the place where the text stood.
pub fn parse_vip(text: &str) -> Result<(SocketAddr, u8), String> {
    let (vip, protocol) = match text.rsplit_once('/') {
        Some((endpoint, "tcp")) => (port_of(text, endpoint)?, TCP),
        Some((endpoint, "udp")) => (port_of(text, endpoint)?, UDP),
        Some((_, other)) => {
            return Err(format!(
                "VIP {text:?} has the protocol {other:?}: write /tcp or /udp, or the address alone for every protocol"
            ));
        }
        None => match bare_address(text) {
            Some(address) => (SocketAddr::new(address, 0), 0),
            None => return Err(format!("VIP {text:?} has no protocol: append /tcp or /udp")),
        },
    };
    if !is_unicast(vip.ip()) {
        return Err(format!(
            "VIP {text:?} is not an address that packets can arrive for: write a unicast address"
        ));
    }
    Ok((vip, protocol))
}

/// `ADDR:PORT/tcp` or `ADDR`, what [`parse_vip`] takes.
pub fn format_vip(vip: SocketAddr, protocol: u8) -> String {
    Vip::new(vip, protocol).to_string()
}

fn port_of(text: &str, endpoint: &str) -> Result<SocketAddr, String> {
    endpoint.parse().map_err(|_| match bare_address(endpoint) {
        Some(_) => format!("VIP {text:?} has no port: write one (an IPv6 address before it in brackets), or port 0 for every port"),
        None => {
            format!("VIP {text:?} is not ADDR:PORT/tcp or ADDR:PORT/udp (IPv6 in brackets)")
        }
    })
}

fn bare_address(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// Whether a packet from elsewhere can be for the address.
pub(super) fn is_unicast(address: IpAddr) -> bool {
    let special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    match address {
        IpAddr::V4(v4) => !special && !v4.is_broadcast(),
        // Its packets are IPv4 on the wire.
        IpAddr::V6(v6) => !special && v6.to_ipv4_mapped().is_none(),
    }
}

/// Whether the address means nothing without an interface (RFC 4007 section 6), which neither configuration nor SASP have
/// a place for.
pub(super) fn needs_scope(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// Whether a resolver could know the name. What ends in a number is meant as an address (RFC 1123 section 2.1).
fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        (1..=63).contains(&label.len())
            && label.chars().all(is_allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    host.len() <= 253
        && host.split('.').all(is_label)
        && !host.rsplit('.').next().is_some_and(is_number)
}

/// Where the GWM listens. The name is resolved at every connection attempt, since z/OS moves its address.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct GwmAddress {
    /// Host name or IP literal, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl GwmAddress {
    /// Parses `HOST`, `HOST:PORT`, `[V6]`, `[V6]:PORT` or a bare IPv6 address.
    ///
    /// # Errors
    /// A reason, without the place where the text stood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let refused = || {
            format!(
                "GWM address {text:?} is not HOST or HOST:PORT with a host name or an IP address (IPv6 in brackets before a port)"
            )
        };
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest.split_once(']').ok_or_else(refused)?;
            host.parse::<Ipv6Addr>().map_err(|_| refused())?;
            match rest {
                "" => (host, None),
                _ => (host, Some(rest.strip_prefix(':').ok_or_else(refused)?)),
            }
        } else if text.parse::<Ipv6Addr>().is_ok() {
            (text, None)
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        if !(is_host_name(host) || host.parse::<IpAddr>().is_ok()) {
            return Err(refused());
        }
        let port = match port {
            None => PORT,
            Some(digits) => digits
                .parse()
                .ok()
                .filter(|port| *port != 0 && digits.bytes().all(|byte| byte.is_ascii_digit()))
                .ok_or_else(|| {
                    format!("GWM address {text:?} has a port that is not in 1 to 65535")
                })?,
        };
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }

    /// The address, if the host is an IP literal.
    pub fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for GwmAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vip_survives_writing_and_reading() {
        for text in [
            "203.0.113.10:80/tcp",
            "[2001:db8::1]:53/udp",
            "203.0.113.10:0/udp",
            "203.0.113.10",
            "2001:db8::1",
        ] {
            let (vip, protocol) = parse_vip(text).unwrap();
            assert_eq!(format_vip(vip, protocol), text);
        }
    }

    #[test]
    fn impossible_vips_are_refused_with_a_reason() {
        for (text, reason) in [
            ("203.0.113.10:80", "no protocol"),
            ("203.0.113.10/tcp", "no port"),
            ("2001:db8::1/tcp", "no port"),
            ("[203.0.113.10]", "no protocol"),
            ("203.0.113.10:0", "no protocol"),
            ("0.0.0.0", "unicast"),
            ("203.0.113.10:80/sctp", "\"sctp\""),
            ("2001:db8::1:80/tcp", "brackets"),
            ("203.0.113.10:65536/tcp", "is not ADDR:PORT"),
            ("0.0.0.0:80/tcp", "unicast"),
            ("127.0.0.1:80/tcp", "unicast"),
            ("224.0.0.1:80/udp", "unicast"),
            ("255.255.255.255:80/udp", "unicast"),
            ("[::ffff:1.2.3.4]:80/tcp", "unicast"),
        ] {
            let refused = parse_vip(text).unwrap_err();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn a_gwm_address_may_leave_out_the_port() {
        for (text, shown) in [
            ("gwm.example.net", "gwm.example.net:3860"),
            ("gwm.example.net.", "gwm.example.net.:3860"),
            ("gwm.example.net:4000", "gwm.example.net:4000"),
            ("192.0.2.1", "192.0.2.1:3860"),
            ("2001:db8::1", "[2001:db8::1]:3860"),
            ("[2001:db8::1]", "[2001:db8::1]:3860"),
            ("[2001:db8::1]:9", "[2001:db8::1]:9"),
        ] {
            assert_eq!(GwmAddress::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn impossible_gwm_addresses_are_refused() {
        for text in [
            "",
            ":3860",
            "host:",
            "host:0",
            "host:+1",
            "host:65536",
            "a b",
            "[::1",
            "[::1]3860",
            "[host]:3860",
            ".",
            "a..b",
            "-a",
            "1.2.3.4.5",
            "1.2.3",
            "256.1.1.1",
            "a:b:c",
        ] {
            GwmAddress::parse(text).unwrap_err();
        }
    }
}
