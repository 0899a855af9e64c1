//! A GWM that says yes to everything and sends the weights that it is told to send.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use sasp_ctl::sasp::code::{Code, PORT, VERSION, weight_flags};
use sasp_ctl::sasp::codec::{decode, encode};
use sasp_ctl::sasp::frame::Deframer;
use sasp_ctl::sasp::msg::{
    Body, GetWeightsReply, Group, GroupOf, Member, Message, SendWeights, WeightEntry,
};

const MESSAGE_MAX: usize = 1 << 20;
const INTERVAL_S: u16 = 60;

/// The balancer's group, once it has registered it.
type Registered = Mutex<Option<(Group, Vec<Member>)>>;

/// One listener, one balancer.
pub(super) struct ScriptedGwm {
    listener: TcpListener,
    balancer: Option<TcpStream>,
    registered: Arc<Registered>,
}

impl ScriptedGwm {
    /// Listens in the network namespace of this thread.
    pub(super) fn listen(address: Ipv4Addr) -> Result<Self> {
        let listener = TcpListener::bind((address, PORT)).context("listening as a GWM")?;
        Ok(Self {
            listener,
            balancer: None,
            registered: Arc::default(),
        })
    }

    /// Waits until the balancer has registered its group and asked for its weights.
    pub(super) fn accept(&mut self, weights: &[u16]) -> Result<()> {
        let (balancer, _) = self.listener.accept()?;
        balancer.set_nodelay(true)?;
        let mut answering = balancer.try_clone()?;
        let registered = Arc::clone(&self.registered);
        let weights = weights.to_vec();
        let (asked, has_asked) = std::sync::mpsc::channel();
        thread::spawn(move || -> Result<()> {
            let mut deframer = Deframer::new(MESSAGE_MAX);
            let mut buffer = [0; 4096];
            loop {
                let read = answering.read(&mut buffer)?;
                if read == 0 {
                    return Ok(());
                }
                deframer.push(buffer.get(..read).context("read more than there is")?);
                while let Some(frame) = deframer.next()? {
                    let request = decode(&frame)?.message;
                    let weighed = matches!(request.body, Body::GetWeightsRequest(_));
                    if let Some(body) = answer(request.body, &registered, &weights) {
                        let reply = Message {
                            version: VERSION,
                            id: request.id,
                            body,
                        };
                        answering.write_all(&encode(&reply)?)?;
                    }
                    if weighed {
                        // Nobody listens any more after the first time.
                        let _ = asked.send(());
                    }
                }
            }
        });
        has_asked
            .recv_timeout(Duration::from_secs(30))
            .context("the balancer did not ask for weights")?;
        self.balancer = Some(balancer);
        Ok(())
    }

    /// Pushes weights, one per member in the order of registration.
    pub(super) fn send(&mut self, weights: &[u16]) -> Result<()> {
        let groups = groups(&self.registered, weights);
        let body = Body::SendWeights(SendWeights { groups });
        let message = Message {
            version: VERSION,
            id: 0,
            body,
        };
        let balancer = self.balancer.as_mut().context("no balancer has come")?;
        Ok(balancer.write_all(&encode(&message)?)?)
    }
}

fn answer(request: Body, registered: &Registered, weights: &[u16]) -> Option<Body> {
    Some(match request {
        Body::RegistrationRequest(request) => {
            let first = request.groups.into_iter().next()?;
            let mut members = first.items;
            members.sort_by_key(|member| member.key);
            let mut registered = registered.lock().unwrap_or_else(PoisonError::into_inner);
            *registered = Some((first.group, members));
            Body::RegistrationReply(Code::SUCCESS)
        }
        Body::GetWeightsRequest(_) => Body::GetWeightsReply(GetWeightsReply {
            code: Code::SUCCESS,
            interval: INTERVAL_S,
            groups: groups(registered, weights),
        }),
        Body::SetLbStateRequest(_) => Body::SetLbStateReply(Code::SUCCESS),
        Body::DeregistrationRequest(_) => Body::DeregistrationReply(Code::SUCCESS),
        Body::SetMemberStateRequest(_) => Body::SetMemberStateReply(Code::SUCCESS),
        _ => return None,
    })
}

fn groups(registered: &Registered, weights: &[u16]) -> Vec<GroupOf<WeightEntry>> {
    let registered = registered.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((group, members)) = &*registered else {
        return Vec::new();
    };
    let flags = weight_flags::CONTACT | weight_flags::CONFIDENT | weight_flags::REGISTERED_BY_LB;
    let entry = |(member, &weight): (&Member, &u16)| WeightEntry {
        member: member.clone(),
        state: 0,
        flags,
        weight,
    };
    let items = members.iter().zip(weights).map(entry).collect();
    vec![GroupOf {
        group: group.clone(),
        items,
    }]
}
