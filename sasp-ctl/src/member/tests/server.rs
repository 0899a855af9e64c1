//! A GWM behind a real listener that answers members' requests by a function of the test.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::soon;
use crate::sasp::code::{Code, Type};
use crate::sasp::codec::{decode, encode};
use crate::sasp::frame::Deframer;
use crate::sasp::msg::{Body, Message};
use crate::session::Target;

/// What a member said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Heard {
    pub(super) kind: Type,
    pub(super) uid: String,
    /// State byte and flags, if it was about them.
    pub(super) condition: Option<(u8, u8)>,
}

/// What to do about it.
pub(super) enum Answer {
    Code(Code),
    HangUp,
}

/// A listener that serves one connection after the other; gone when dropped.
pub(super) struct Server {
    address: SocketAddr,
    heard: mpsc::UnboundedReceiver<Heard>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(mut answer: impl FnMut(&Heard) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (heard_in, heard) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                converse(stream, &heard_in, &mut answer).await;
            }
        });
        Self {
            address,
            heard,
            task,
        }
    }

    /// One that does everything.
    pub(super) async fn willing() -> Self {
        Self::start(|_| Answer::Code(Code::SUCCESS)).await
    }

    pub(super) fn target(&self) -> Target {
        Target {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            source: None,
            tls: None,
        }
    }

    /// The next thing that a member says.
    pub(super) async fn hear(&mut self) -> Heard {
        soon(self.heard.recv()).await.expect("the server lives")
    }

    /// The type and the condition of the next thing that a member says.
    pub(super) async fn hear_what(&mut self) -> (Type, Option<(u8, u8)>) {
        let heard = self.hear().await;
        (heard.kind, heard.condition)
    }

    /// Everything that was said and not yet heard.
    pub(super) fn heard(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn converse(
    mut stream: TcpStream,
    heard: &mpsc::UnboundedSender<Heard>,
    answer: &mut impl FnMut(&Heard) -> Answer,
) {
    let mut deframer = Deframer::new(1 << 20);
    let mut bytes = [0; 4096];
    loop {
        let Ok(read @ 1..) = stream.read(&mut bytes).await else {
            return;
        };
        deframer.push(&bytes[..read]);
        while let Some(frame) = deframer.next().unwrap() {
            let message = decode(&frame).unwrap().message;
            let said = what(&message);
            let answer = answer(&said);
            let _test_is_over = heard.send(said);
            let Answer::Code(code) = answer else {
                return;
            };
            let body = match message.body.kind() {
                Type::REGISTRATION_REQUEST => Body::RegistrationReply(code),
                Type::DEREGISTRATION_REQUEST => Body::DeregistrationReply(code),
                _ => Body::SetMemberStateReply(code),
            };
            let reply = encode(&Message { body, ..message }).unwrap();
            if stream.write_all(&reply).await.is_err() {
                return;
            }
        }
    }
}

fn what(message: &Message) -> Heard {
    let (group, condition) = match &message.body {
        Body::RegistrationRequest(request) => (&request.groups[0].group, None),
        Body::DeregistrationRequest(request) => (&request.groups[0].group, None),
        Body::SetMemberStateRequest(request) => {
            let item = &request.groups[0].items[0];
            (&request.groups[0].group, Some((item.state, item.flags)))
        }
        other => panic!("no member says {other:?}"),
    };
    Heard {
        kind: message.body.kind(),
        uid: group.lb_uid.to_string(),
        condition,
    }
}
