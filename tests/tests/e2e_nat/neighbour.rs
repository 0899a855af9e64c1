//! What a host that routes must be set to.

use tests::lab::namespace::sysctl;
use tests::lab::site::VIP4;

use crate::exchange::{Connection, DEADLINE};
use crate::rig::{DATA, OUTSIDE4, OUTSIDE6, Rig, vips};

/// The kernel forgets the client, whose packets the data path takes before the kernel sees them.
fn forget_client(rig: &Rig) {
    let edge = &rig.farm.site.edge.namespace;
    edge.ip(&format!(
        "neigh flush to {OUTSIDE4} dev eth1\nneigh flush to {OUTSIDE6} dev eth1"
    ))
    .unwrap();
}

#[test]
fn replies_to_a_client_that_the_kernel_has_forgotten_arrive() {
    let mut rig = Rig::two_armed(1);
    rig.edge_is_gateway();
    let config = rig.config("nat");
    rig.attach(&config, "native");
    for vip in vips(DATA) {
        forget_client(&rig);
        let mut connection = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
        forget_client(&rig);
        connection.exchange(3000, 3000).unwrap();
    }
    assert!(rig.counted("reply_unresolved") > 0);
    rig.assert_checksums("forgotten");
}

/// The kernel takes the translated reply for its own packet that came back, and drops it instead of asking for the
/// client. The client asks for its gateway after a few seconds of silence, from which the kernel learns its address.
#[test]
fn a_vip_that_the_host_owns_needs_accept_local_or_forgotten_clients_wait() {
    let mut rig = Rig::two_armed(1);
    rig.edge_is_gateway();
    let edge = &rig.farm.site.edge.namespace;
    edge.ip(&format!("addr add {VIP4}/32 dev lo")).unwrap();
    let config = rig.config("nat");
    rig.attach(&config, "native");
    let log = rig.farm.balancer.as_ref().unwrap().log();
    assert!(log.contains("net.ipv4.conf.eth0.accept_local=1"), "{log}");
    let [vip, _] = vips(DATA);
    forget_client(&rig);
    let mut late = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
    late.exchange(3000, 3000).unwrap();
    let edge = &rig.farm.site.edge.namespace;
    let accept = edge.inside(|| sysctl("net/ipv4/conf/eth0/accept_local", "1"));
    accept.unwrap().unwrap();
    forget_client(&rig);
    let unresolved = rig.counted("reply_unresolved");
    let mut connection = Connection::open(&rig.outside, vip, DEADLINE).unwrap();
    connection.exchange(3000, 3000).unwrap();
    assert!(rig.counted("reply_unresolved") > unresolved);
}

#[test]
fn a_host_that_does_not_forward_is_told_so() {
    let mut rig = Rig::two_armed(1);
    rig.edge_is_gateway();
    let edge = &rig.farm.site.edge.namespace;
    edge.inside(|| sysctl("net/ipv4/ip_forward", "0"))
        .unwrap()
        .unwrap();
    let config = rig.config("nat");
    rig.attach(&config, "native");
    let log = rig.farm.balancer.as_ref().unwrap().log();
    assert!(log.contains("net.ipv4.conf.eth0.forwarding=1"), "{log}");
    let [vip4, vip6] = vips(DATA);
    let refused = Connection::open(&rig.outside, vip4, std::time::Duration::from_millis(800));
    assert!(refused.is_err());
    assert!(rig.counted("no_route_back") > 0);
    Connection::open(&rig.outside, vip6, DEADLINE).unwrap();
    edge_forwards(&rig);
    Connection::open(&rig.outside, vip4, DEADLINE).unwrap();
}

fn edge_forwards(rig: &Rig) {
    crate::rig::route(&rig.farm.site.edge.namespace);
}
