//! One question to the kernel about an interface, answered at once. Watching is `nexthop`'s matter.

use std::io;

use rtnetlink::packet_core::{NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{
    InfoKind, LinkAttribute, LinkInfo, LinkMessage, LinkXdp, XdpAttached,
};
use rtnetlink::sys::protocols::NETLINK_ROUTE;
use rtnetlink::sys::{Socket, SocketAddr};

use super::error::Error;
use super::options::RunsIn;

/// What `datapath` wants to know about an interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Interface {
    /// Its name.
    pub(super) name: String,
    /// Its index.
    pub(super) ifindex: u32,
    /// It is one end of a pair.
    pub(super) veth: bool,
    /// Its MTU, bytes.
    pub(super) mtu: u32,
    /// The XDP program on it, by id.
    pub(super) program: Option<(u32, RunsIn)>,
}

/// The interface of that name in this thread's network namespace.
pub(super) fn by_name(name: &str) -> Result<Option<Interface>, Error> {
    let mut question = LinkMessage::default();
    question
        .attributes
        .push(LinkAttribute::IfName(name.to_owned()));
    ask(question).map_err(|said| Error::Netlink {
        what: format!("interface {name}"),
        said,
    })
}

/// The interface of that index in this thread's network namespace.
pub(super) fn by_index(ifindex: u32) -> Result<Option<Interface>, Error> {
    let mut question = LinkMessage::default();
    question.header.index = ifindex;
    ask(question).map_err(|said| Error::Netlink {
        what: format!("interface {ifindex}"),
        said,
    })
}

fn ask(question: LinkMessage) -> io::Result<Option<Interface>> {
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.connect(&SocketAddr::new(0, 0))?;
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::GetLink(question));
    request.header.flags = NLM_F_REQUEST;
    request.finalize();
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
    match answer.payload {
        NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) => Ok(Some(read(link))),
        NetlinkPayload::Error(error) => match error.to_io() {
            error if error.raw_os_error() == Some(libc::ENODEV) => Ok(None),
            error => Err(error),
        },
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not an answer")),
    }
}

fn read(link: LinkMessage) -> Interface {
    let mut interface = Interface {
        name: String::new(),
        ifindex: link.header.index,
        veth: false,
        mtu: 0,
        program: None,
    };
    for attribute in link.attributes {
        match attribute {
            LinkAttribute::IfName(name) => interface.name = name,
            LinkAttribute::LinkInfo(infos) => {
                interface.veth = infos.contains(&LinkInfo::Kind(InfoKind::Veth));
            }
            LinkAttribute::Mtu(mtu) => interface.mtu = mtu,
            LinkAttribute::Xdp(attributes) => interface.program = program(&attributes),
            _ => {}
        }
    }
    interface
}

fn program(attributes: &[LinkXdp]) -> Option<(u32, RunsIn)> {
    let id = attributes.iter().find_map(|attribute| match attribute {
        // The kernel leaves the common id out where driver and stack have a program each.
        LinkXdp::ProgId(id) | LinkXdp::DrvProgId(id) | LinkXdp::HwProgId(id) => Some(*id),
        _ => None,
    })?;
    let in_stack = attributes.contains(&LinkXdp::Attached(XdpAttached::SocketBuffer));
    Some((
        id,
        if in_stack {
            RunsIn::Generic
        } else {
            RunsIn::Native
        },
    ))
}
