//! Members that register themselves at the GWM (RFC 4678 section 7.1, flag 0), from the wire to the table.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use sasp_ctl::sasp::code::{Code, Reason, VERSION};
use sasp_ctl::sasp::codec::{decode, encode};
use sasp_ctl::sasp::frame::Deframer;
use sasp_ctl::sasp::msg::{
    Body, DeregistrationRequest, Group, GroupOf, Member, MemberKey, Message, Name,
    RegistrationRequest,
};
use tests::lab::balancer::{done, status};
use tests::lab::config;
use tests::lab::farm::Farm;
use tests::lab::gwm::PORT;
use tests::lab::http;
use tests::lab::site::{Host, VIP4};
use tests::lab::wait::until_true;

const GROUP: &str = "FARM1";
const DEADLINE: Duration = Duration::from_secs(30);
const VIP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(VIP4), 80);

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

/// The agent on a member: speaks for it with the GWM.
struct Agent {
    stream: TcpStream,
    deframer: Deframer,
    key: MemberKey,
}

impl Agent {
    fn connect(farm: &Farm, member: &Host) -> Self {
        let address = (farm.site.gwm.ipv4(), PORT);
        let connect = || TcpStream::connect(address).unwrap();
        let stream = member.namespace.inside(connect).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            stream,
            deframer: Deframer::new(65_536),
            key: MemberKey {
                protocol: 6,
                port: VIP.port(),
                address: member.ipv4().into(),
            },
        }
    }

    fn groups(&self) -> Vec<GroupOf<Member>> {
        let group = Group {
            lb_uid: name("edge-1"),
            name: name(GROUP),
        };
        let member = Member {
            key: self.key,
            label: Name::default(),
        };
        vec![GroupOf {
            group,
            items: vec![member],
        }]
    }

    fn ask(&mut self, body: Body) -> Body {
        let message = Message {
            version: VERSION,
            id: 7,
            body,
        };
        self.stream.write_all(&encode(&message).unwrap()).unwrap();
        loop {
            if let Some(frame) = self.deframer.next().unwrap() {
                return decode(&frame).unwrap().message.body;
            }
            let mut buffer = [0; 4096];
            let length = self.stream.read(&mut buffer).unwrap();
            assert_ne!(length, 0, "the GWM hung up");
            self.deframer.push(&buffer[..length]);
        }
    }

    fn register(&mut self) {
        let groups = self.groups();
        let answer = self.ask(Body::RegistrationRequest(RegistrationRequest {
            flags: 0,
            groups,
        }));
        assert_eq!(answer, Body::RegistrationReply(Code::SUCCESS));
    }

    fn deregister(&mut self) {
        let groups = self.groups();
        let answer = self.ask(Body::DeregistrationRequest(DeregistrationRequest {
            flags: 0,
            reason: Reason::PURPOSEFUL,
            groups,
        }));
        assert_eq!(answer, Body::DeregistrationReply(Code::SUCCESS));
    }
}

/// How many connections each member gets; none fails.
fn served(farm: &Farm) -> Vec<u64> {
    let client = &farm.site.client.namespace;
    let tally = http::sample(client, VIP, 400, DEADLINE).unwrap();
    assert_eq!(tally.failed(), 0, "{:?}", tally.failures);
    let members = farm.site.members.iter();
    members
        .map(|member| tally.answers.get(&member.name).copied().unwrap_or(0))
        .collect()
}

#[test]
fn a_member_that_registers_itself_gets_traffic_until_it_leaves() {
    let mut farm = Farm::new(2).unwrap();
    farm.start_gwm(&[farm.weights(GROUP, VIP, &[1, 1])])
        .unwrap();
    let member = format!(
        "{{ address = \"{}\" }}",
        farm.site.members[0].address_for(VIP)
    );
    let config = config::gwm(&farm.site, "trust = true")
        + &config::service_of(
            GROUP,
            VIP,
            "tcp",
            &member,
            "self_registered = [\"192.0.2.0/24\"]",
        );
    farm.attach(&config, &[]).unwrap();
    until_true(DEADLINE, "the GWM", || {
        Ok(status(&farm.site)?["services"][0]["weights"] == "gwm")
    })
    .unwrap();
    assert_eq!(served(&farm)[1], 0);

    let mut agent = Agent::connect(&farm, &farm.site.members[1]);
    agent.register();
    farm.await_shares(VIP, &[1, 1]).unwrap();
    let counts = served(&farm);
    assert!(counts.iter().all(|count| *count > 100), "{counts:?}");

    let second = farm.site.members[1].address_for(VIP).to_string();
    done(&farm.site, &["quiesce", GROUP, &second]).unwrap();
    farm.await_shares(VIP, &[1, 0]).unwrap();
    until_true(DEADLINE, "the GWM's word", || {
        let status = status(&farm.site)?;
        let members = status["services"][0]["members"].as_array().unwrap();
        let found = members.iter().find(|member| member["address"] == second);
        let word = &found.unwrap()["gwm"];
        Ok(word["quiesce"] == true && word["registered_by_lb"] == false)
    })
    .unwrap();
    done(&farm.site, &["resume", GROUP, &second]).unwrap();
    farm.await_shares(VIP, &[1, 1]).unwrap();

    // Neither a restart nor the loss of the GWM costs it anything.
    farm.kill_balancer().unwrap();
    farm.attach(&config, &[]).unwrap();
    farm.await_shares(VIP, &[1, 1]).unwrap();
    agent.deregister();
    until_true(DEADLINE, "the member to go", || {
        let status = status(&farm.site)?;
        Ok(status["services"][0]["members"].as_array().unwrap().len() == 1)
    })
    .unwrap();
    assert_eq!(served(&farm)[1], 0);
}
