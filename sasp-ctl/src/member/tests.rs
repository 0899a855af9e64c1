//! One-shot commands and agents against a GWM that answers as the test says, over real sockets.

mod agent;
mod check;
mod once;
mod server;

use std::time::Duration;

use super::*;
use crate::sasp::code::{Code, Type};
use crate::sasp::msg::Name;

const REGISTER: Type = Type::REGISTRATION_REQUEST;
const DEREGISTER: Type = Type::DEREGISTRATION_REQUEST;
const SET_STATE: Type = Type::SET_MEMBER_STATE_REQUEST;

/// Longer than anything takes on a busy machine; only failures wait for it.
const PATIENCE: Duration = Duration::from_secs(20);

fn name(text: &str) -> Name {
    Name::new(text.as_bytes()).unwrap()
}

/// Member 10.0.0.1:80 of group G of these balancers, with waits that no test notices.
fn settings(server: &server::Server, uids: &[&str]) -> Settings {
    let key = crate::config::member_key::parse("10.0.0.1:80").unwrap();
    let uids = uids.iter().map(|uid| name(uid)).collect();
    Settings {
        target: server.target(),
        member: Config {
            wait_min: Duration::from_millis(5),
            wait_max: Duration::from_millis(20),
            ..Config::new(uids, vec![name("G")], key)
        },
    }
}

/// Waits for a future, but not for ever.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("it happens soon")
}
