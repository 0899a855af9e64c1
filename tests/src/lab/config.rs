//! The balancer's config file for a site, in parts that are put together.

use std::net::SocketAddr;

use super::site::Site;

/// Who we are and the site's GWM; `extra` lines belong to the GWM. Tests do not wait the 20 seconds that RFC 4678
/// asks for between two attempts to connect.
pub fn gwm(site: &Site, extra: &str) -> String {
    format!(
        "[balancer]\nuid = \"edge-1\"\n[[gwm]]\naddress = \"{}\"\nretry_min = \"1s\"\n{extra}\n",
        site.gwm.ipv4()
    )
}

/// A TCP service of all members, on the VIP's port; the first have these static weights. `extra` lines belong to it.
pub fn service(site: &Site, group: &str, vip: SocketAddr, weights: &[u16], extra: &str) -> String {
    let members: Vec<_> = site
        .members
        .iter()
        .enumerate()
        .map(|(count, member)| match weights.get(count) {
            Some(weight) => format!(
                "{{ address = \"{}\", weight = {weight} }}",
                member.address_for(vip)
            ),
            None => format!("{{ address = \"{}\" }}", member.address_for(vip)),
        })
        .collect();
    let members = members.join(", ");
    service_of(group, vip, "tcp", &members, extra)
}

/// A service with members as given, in TOML.
pub fn service_of(
    group: &str,
    vip: SocketAddr,
    protocol: &str,
    members: &str,
    extra: &str,
) -> String {
    format!(
        "[[service]]\ngroup = \"{group}\"\nvip = \"{vip}/{protocol}\"\nmembers = [ {members} ]\n{extra}\n"
    )
}
