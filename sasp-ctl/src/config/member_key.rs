//! Member keys as people write them; the inverse is `MemberKey`'s `Display`.
//!
//! `ADDR:PORT` is TCP, `ADDR:PORT/udp` (or `/tcp`, or a protocol number) anything else, and `ADDR` alone a
//! system-level member: protocol 0 and port 0 (RFC 4678 section 5.1). IPv6 stands in brackets before a port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::sasp::msg::MemberKey;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Parses a member key; the error is a reason, without the place where the text stood.
pub fn parse(text: &str) -> Result<MemberKey, String> {
    let (endpoint, protocol) = match text.split_once('/') {
        Some((endpoint, protocol)) => (endpoint, Some(protocol)),
        None => (text, None),
    };
    let (address, port) = split_port(endpoint)
        .ok_or_else(|| format!("{text:?} is not ADDR:PORT[/udp] or ADDR (IPv6 in brackets)"))?;
    let address = member_address(text, address)?;
    let Some(port) = port else {
        return match protocol {
            None => Ok(MemberKey {
                protocol: 0,
                port: 0,
                address,
            }),
            Some(_) => Err(format!("{text:?} has a protocol but no port")),
        };
    };
    let port = match parse_number::<u16>(port) {
        Some(0) => {
            return Err(format!(
                "{text:?} has port 0: for every port write the address alone"
            ));
        }
        Some(port) => port,
        None => return Err(format!("{text:?} has a port that is not in 1 to 65535")),
    };
    let protocol = match protocol {
        None | Some("tcp") => TCP,
        Some("udp") => UDP,
        Some(number) => parse_number::<u8>(number)
            .filter(|number| *number != 0)
            .ok_or_else(|| format!("{text:?} has a protocol that is not tcp, udp or 1 to 255"))?,
    };
    Ok(MemberKey {
        protocol,
        port,
        address,
    })
}

/// Splits off the port. A bare IPv6 address has colons but no port.
fn split_port(endpoint: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = endpoint.strip_prefix('[') {
        let (address, rest) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        return if rest.is_empty() {
            Some((address, None))
        } else {
            Some((address, Some(rest.strip_prefix(':')?)))
        };
    }
    match endpoint.matches(':').count() {
        0 => Some((endpoint, None)),
        1 => endpoint
            .split_once(':')
            .map(|(address, port)| (address, Some(port))),
        _ => Some((endpoint, None)),
    }
}

/// An address that can stand in Member Data. Twelve leading zero bytes mean IPv4 there, so no other IPv6
/// address may have them.
fn member_address(text: &str, address: &str) -> Result<IpAddr, String> {
    let parsed: IpAddr = address
        .parse()
        .map_err(|_| format!("{text:?} has no valid IP address before the port"))?;
    let canonical = parsed.to_canonical();
    let ambiguous = matches!(canonical, IpAddr::V6(v6) if v6.octets()[..12] == [0; 12]);
    let nobody = canonical.is_unspecified()
        || canonical == IpAddr::V4(Ipv4Addr::BROADCAST)
        || canonical == IpAddr::V4(Ipv4Addr::new(0, 0, 0, 1));
    if ambiguous || nobody || canonical.is_multicast() {
        return Err(format!(
            "{text:?} is not the address of one host that SASP can name"
        ));
    }
    Ok(canonical)
}

/// Digits only: `str::parse` would also take a sign.
fn parse_number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests;
