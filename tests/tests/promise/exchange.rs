//! What client and server say to each other: a number of the client's comes back with the life of the server.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Every server that is started has another: one that comes back is not the one that died.
pub(crate) type Life = u32;

const QUESTION: usize = size_of::<u64>();
const ANSWER: usize = QUESTION + size_of::<Life>();

/// Asks, and says who has answered.
pub(crate) async fn ask(stream: &mut TcpStream, number: u64) -> io::Result<Life> {
    let question = number.to_le_bytes();
    stream.write_all(&question).await?;
    let mut answer = [0; ANSWER];
    stream.read_exact(&mut answer).await?;
    match answer.split_first_chunk() {
        Some((echo, life)) if *echo == question => {
            let life = life.try_into().map_err(io::Error::other)?;
            Ok(Life::from_le_bytes(life))
        }
        _ => Err(io::Error::other("the answer to another question")),
    }
}

/// Answers until the client has enough.
pub(crate) async fn answer(mut stream: TcpStream, life: Life) -> io::Result<()> {
    let mut answer = [0; ANSWER];
    answer[QUESTION..].copy_from_slice(&life.to_le_bytes());
    loop {
        stream.read_exact(&mut answer[..QUESTION]).await?;
        stream.write_all(&answer).await?;
    }
}
