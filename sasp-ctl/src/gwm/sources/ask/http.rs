//! The HTTP probe: one GET request, of whose answer only the status line and headers are read. Redirects are answers
//! like others and are not followed; a body is not read, however long it is.

use std::net::SocketAddr;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::net::Failure;
use super::tls;
use crate::gwm::sources::rule::HttpCheck;

/// The most that is kept of an answer's headers, in bytes.
const HEAD_MAX: usize = 32 << 10;

pub(super) async fn check(
    check: &HttpCheck,
    address: SocketAddr,
    stream: TcpStream,
) -> Result<(), Failure> {
    let status = match check.tls {
        None => ask(check, address, stream).await?,
        Some(verify) => {
            let name = check.host.as_deref().and_then(|host| host.parse().ok());
            let name = name.map(|authority: Authority| authority.host().to_owned());
            let stream = tls::connect(verify, name, address, stream).await?;
            ask(check, address, stream).await?
        }
    };
    let code = status.as_u16();
    match check.status.iter().any(|good| good.contains(&code)) {
        true => Ok(()),
        false => Err(Failure::Theirs(format!(
            "{address} answers with status {code}"
        ))),
    }
}

/// The status of the answer to one request.
async fn ask(
    check: &HttpCheck,
    address: SocketAddr,
    stream: impl AsyncRead + AsyncWrite + Unpin,
) -> Result<StatusCode, Failure> {
    let broken = |error: hyper::Error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        Failure::Theirs(format!("{address}: {error}{}", cause.unwrap_or_default()))
    };
    let host = check.host.clone().unwrap_or_else(|| address.to_string());
    let request = Request::get(&check.path)
        .header(header::HOST, host)
        .header(
            header::USER_AGENT,
            concat!("sasp-ctl/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::ACCEPT, "*/*")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| Failure::Ours(format!("cannot make a request of the rule: {error}")))?;
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX);
    let (mut sender, connection) = builder
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let response = sender.send_request(request);
    tokio::pin!(connection, response);
    let mut is_open = true;
    loop {
        tokio::select! {
            biased;
            answer = &mut response => return Ok(answer.map_err(broken)?.status()),
            // What ended it, if anything, comes out of the request too.
            _end = &mut connection, if is_open => is_open = false,
        }
    }
}
