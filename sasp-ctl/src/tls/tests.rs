//! Handshakes over a pipe, and the files they are made of.

mod files;
mod handshakes;
mod reload;
mod versions;

use std::io;
use std::sync::Arc;

use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex,
};

use super::lab::Lab;
use super::*;
use crate::sasp::gwm::Identity;

const PIPE: usize = 64 << 10;
const GREETING: &[u8] = b"pong";

/// What each side makes of the other.
struct Met {
    client: Result<(), String>,
    server: Result<Option<Identity>, String>,
}

/// Both sides shake hands; then the dialled one says something. Under TLS 1.3, only then the other knows that it is
/// welcome.
async fn meet(client: &Arc<ClientTls>, host: &str, server: &ServerTls) -> Met {
    let (ours, theirs) = duplex(PIPE);
    let dialling = async {
        let stream = client.connect(host, ours).await;
        greeted(stream.map_err(|error| error.to_string())?).await
    };
    let (client, server) = tokio::join!(dialling, greet(server, theirs));
    Met { client, server }
}

async fn greet(server: &ServerTls, stream: DuplexStream) -> Result<Option<Identity>, String> {
    let accepted = server.accept(stream).await;
    let (mut stream, identity) = accepted.map_err(|error| error.to_string())?;
    stream.write_all(GREETING).await.unwrap();
    stream.flush().await.unwrap();
    Ok(identity)
}

async fn greeted(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), String> {
    let mut greeting = [0; GREETING.len()];
    match stream.read_exact(&mut greeting).await {
        Ok(_) => {
            assert_eq!(greeting, GREETING);
            Ok(())
        }
        Err(error) => Err(in_words(&error)),
    }
}

fn in_words(error: &io::Error) -> String {
    explain(error, Side::Client).unwrap_or_else(|| error.to_string())
}
