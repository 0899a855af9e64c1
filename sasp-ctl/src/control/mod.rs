//! What the control APIs of the balancer and of the GWM are made of: sockets that no client can occupy, requests that
//! come too late, pages for people and for Prometheus. What is asked and answered, their own modules know.
//!
//! # Layout
//! * `listen`: a Unix socket and an optional TCP address, bound and served. `limited`: few connections, none for long.
//! * [`in_time`]: refuses what its client has given up on.
//! * `html`, `openmetrics`: pages.

#[cfg(test)]
pub(crate) mod asking;
pub(crate) mod html;
pub(crate) mod limited;
mod listen;
pub(crate) mod openmetrics;

use axum::Json;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use crate::clock;

pub(crate) use listen::{Listeners, Servers, Tcp};

/// A header: the monotonic time, in nanoseconds, at which the client gives up.
pub(crate) const UNTIL: &str = "sasp-ctl-until";

/// Larger than any request that means something, in bytes.
pub(crate) const BODY_MAX: usize = 16 * 1024;

/// Why something was not done, in one line.
pub(crate) fn refusal(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "error": reason }))).into_response()
}

/// Refuses what its client has given up on: it was told of a failure, maybe while we were stopped, and must not see it
/// carried out later.
pub(crate) async fn in_time(request: Request, next: Next) -> Response {
    let until = request.headers().get(UNTIL);
    let until = until.and_then(|until| until.to_str().ok()?.parse::<u64>().ok());
    if until.is_some_and(|until| until <= clock::now_ns()) {
        tracing::warn!(
            request = request.uri().path(),
            "not carried out: its client has given up"
        );
        return refusal(
            StatusCode::REQUEST_TIMEOUT,
            "the request came too late: nothing was done",
        );
    }
    next.run(request).await
}
