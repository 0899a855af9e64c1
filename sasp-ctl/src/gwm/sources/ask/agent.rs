//! One question to one member's agent: connect, perhaps send something, read a line.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::net::{self, Failure};
use crate::gwm::sources::agent_line::{AgentLine, LINE_MAX};
use crate::gwm::sources::rule::AgentCheck;
use crate::sasp::msg::MemberKey;

/// # Errors
/// If the agent cannot be connected to, does not answer in time, or answers something else than a line of words.
pub(super) async fn ask(agent: &AgentCheck, member: &MemberKey) -> Result<AgentLine, String> {
    let address = SocketAddr::new(member.address, agent.port);
    match timeout(agent.pace.timeout, line(agent, address)).await {
        Ok(Ok(line)) => AgentLine::parse(&line).map_err(|why| format!("{address} {why}")),
        Ok(Err(failure)) => Err(failure.into_reason()),
        Err(_) => Err(format!(
            "no line from the agent at {address} within {:?}",
            agent.pace.timeout
        )),
    }
}

async fn line(agent: &AgentCheck, address: SocketAddr) -> Result<Vec<u8>, Failure> {
    let broken = |error| Failure::Theirs(format!("the agent at {address}: {error}"));
    let mut stream = net::connect(address).await?;
    if !agent.send.is_empty() {
        stream
            .write_all(agent.send.as_bytes())
            .await
            .map_err(broken)?;
    }
    let mut line = Vec::new();
    let mut buffer = [0; 256];
    loop {
        let count = stream.read(&mut buffer).await.map_err(broken)?;
        let read = &buffer[..count];
        line.extend_from_slice(read);
        if read.iter().any(|byte| matches!(byte, b'\n' | b'\r')) {
            return Ok(line);
        }
        // Half a line may say the opposite of the whole one.
        if count == 0 {
            let why = format!("the agent at {address} ends before the end of its line");
            return Err(Failure::Theirs(why));
        }
        if line.len() > LINE_MAX {
            let why = format!("the agent at {address} sends a line of more than {LINE_MAX} bytes");
            return Err(Failure::Theirs(why));
        }
    }
}
