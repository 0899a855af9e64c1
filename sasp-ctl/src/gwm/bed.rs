//! A GWM without sockets, for tests of what is around the state machine.

use std::net::SocketAddr;
use std::sync::Arc;

use super::config::{self, Config};
use super::control::{About, Context};
use super::hub::Hub;
use super::overrides::Overrides;
use super::sources::Sources;
use crate::sasp::code::{Code, FLAG_LB, VERSION, lb_flags};
use crate::sasp::gwm::ConnectionId;
use crate::sasp::msg::{
    Body, Group, GroupOf, Member, MemberKey, Message, Name, RegistrationRequest, SetLbStateRequest,
    WeightEntry,
};

/// Members 1 and 2 of group G weigh 10 and 20.
pub(super) const RULES: &str = "[[weights]]\ngroup = \"G\"\nsource = \"static\"\n\
     members = { \"10.0.0.1:80\" = 10, \"10.0.0.2:80\" = 20 }\n";

pub(super) struct Bed {
    pub(super) hub: Arc<Hub>,
    pub(super) sources: Arc<Sources>,
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

pub(super) fn key(last_byte: u8) -> MemberKey {
    MemberKey {
        protocol: 6,
        port: 80,
        address: [10, 0, 0, last_byte].into(),
    }
}

impl Bed {
    pub(super) fn new(config: &str) -> Self {
        let config: Config = config::from_text("gwm.toml".as_ref(), config.to_owned())
            .expect("a good configuration");
        let hub = Arc::new(Hub::new(&config));
        let sources = Arc::new(Sources::new(Arc::clone(&hub), &config));
        Self { hub, sources }
    }

    /// A balancer that wants pushes, with these members in its group G; it has had its first push.
    pub(super) fn balancer(&self, uid: &str, members: &[u8]) -> ConnectionId {
        let (id, _) = self.hub.connect(SocketAddr::from(([192, 0, 2, 1], 1024)));
        let state = Body::SetLbStateRequest(SetLbStateRequest {
            lb_uid: name(uid),
            health: 0x7f,
            flags: lb_flags::PUSH,
        });
        assert!(matches!(
            self.ask(id, state),
            Some(Body::SetLbStateReply(Code::SUCCESS))
        ));
        let members: Vec<_> = members.iter().map(|byte| key(*byte)).collect();
        self.register(id, uid, "G", &members);
        assert!(self.pushed(id).is_some(), "the first push");
        id
    }

    /// Registers more members for a balancer.
    pub(super) fn register(&self, id: ConnectionId, uid: &str, group: &str, members: &[MemberKey]) {
        self.try_register(id, uid, group, members)
            .expect("registered");
    }

    /// The same, or what became of it.
    pub(super) fn try_register(
        &self,
        id: ConnectionId,
        uid: &str,
        group: &str,
        members: &[MemberKey],
    ) -> Result<(), Option<Body>> {
        let items = members.iter().map(|key| Member {
            key: *key,
            label: name("<label>"),
        });
        let group = GroupOf {
            group: Group {
                lb_uid: name(uid),
                name: name(group),
            },
            items: items.collect(),
        };
        let registration = Body::RegistrationRequest(RegistrationRequest {
            flags: FLAG_LB,
            groups: vec![group],
        });
        match self.ask(id, registration) {
            Some(Body::RegistrationReply(Code::SUCCESS)) => Ok(()),
            other => Err(other),
        }
    }

    /// What the control API answers from.
    pub(super) fn context(&self) -> Arc<Context> {
        let about = About {
            instance: "gwm".to_owned(),
            listen: SocketAddr::from(([0, 0, 0, 0], 3860)),
            config: None,
        };
        Context::new((&self.hub, &self.sources), about, Overrides::default())
    }

    /// The reply; `None` if the connection is closed.
    fn ask(&self, id: ConnectionId, body: Body) -> Option<Body> {
        let message = Message {
            version: VERSION,
            id: 1,
            body,
        };
        self.hub
            .with(|gwm, now| gwm.handle_message(id, message, now));
        self.transmit(id)
    }

    fn transmit(&self, id: ConnectionId) -> Option<Body> {
        self.hub
            .with(|gwm, now| gwm.poll_transmit(id, now))
            .map(|message| message.body)
    }

    /// What is pushed now, if anything is: last byte of the member's address, weight, flags.
    pub(super) fn pushed(&self, id: ConnectionId) -> Option<Vec<(u8, u16, u8)>> {
        let Body::SendWeights(sent) = self.transmit(id)? else {
            panic!("no push");
        };
        let row = |entry: &WeightEntry| {
            let std::net::IpAddr::V4(address) = entry.member.key.address else {
                panic!("only IPv4 members are registered here");
            };
            (address.octets()[3], entry.weight, entry.flags)
        };
        Some(
            sent.groups
                .iter()
                .flat_map(|group| &group.items)
                .map(row)
                .collect(),
        )
    }
}
