//! Routes: from HTTP to a [`Request`] and back.

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::super::metrics;
use super::super::operator::{Done, Progress};
use super::super::stats::Stats;
use super::super::status::Status;
use super::{MemberAt, Refusal, Request, View, page};
use crate::control::openmetrics::CONTENT_TYPE;
use crate::control::{self, BODY_MAX};

type Loop = mpsc::Sender<Request>;

/// What anybody who reaches the TCP address may see.
pub(super) fn read_only(to_loop: Loop) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .with_state(to_loop)
}

/// Everything.
pub(super) fn all(to_loop: Loop) -> Router {
    Router::new()
        .route("/reload", post(reload))
        .route("/detach", post(detach))
        .route("/quiesce", post(quiesce))
        .route("/resume", post(resume))
        .route("/quiesce/progress", post(quiesce_progress))
        .route("/resume/progress", post(resume_progress))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn(control::in_time))
        .with_state(to_loop.clone())
        .merge(read_only(to_loop))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::BadConfig(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BadMember(_) => StatusCode::NOT_FOUND,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        control::refusal(status, &self.to_string())
    }
}

/// Asks the loop and waits for the answer.
async fn ask<T>(
    to_loop: &Loop,
    request: impl FnOnce(oneshot::Sender<T>) -> Request,
) -> Result<T, Refusal> {
    let (reply, answer) = oneshot::channel();
    let ending = |_| Refusal::Failed("the daemon is ending: nothing was done".to_owned());
    to_loop
        .send(request(reply))
        .await
        .map_err(|error| ending(error.to_string()))?;
    answer.await.map_err(|error| ending(error.to_string()))
}

async fn observe(to_loop: &Loop) -> Result<(Status, Stats), Refusal> {
    let View {
        draft,
        stats,
        worker,
    } = ask(to_loop, Request::Status).await?;
    let counters = worker
        .call(|datapath| datapath.counters())
        .await
        .map_err(|error| Refusal::Failed(error.to_string()))?
        .map_err(|error| Refusal::Failed(error.to_string()))?;
    Ok((draft.finish(&counters), stats))
}

async fn status(State(to_loop): State<Loop>) -> Result<Json<Status>, Refusal> {
    let (status, _) = observe(&to_loop).await?;
    Ok(Json(status))
}

async fn page(State(to_loop): State<Loop>) -> Result<Html<String>, Refusal> {
    let (status, _) = observe(&to_loop).await?;
    Ok(Html(page::render(&status)))
}

async fn metrics(State(to_loop): State<Loop>) -> Result<Response, Refusal> {
    let (status, stats) = observe(&to_loop).await?;
    let text = metrics::render(&status, &stats)
        .map_err(|_| Refusal::Failed("the metrics cannot be written as text".to_owned()))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// The loop turns and the kernel answers.
async fn healthz(State(to_loop): State<Loop>) -> Result<&'static str, Refusal> {
    observe(&to_loop).await?;
    Ok("ok\n")
}

async fn reload(State(to_loop): State<Loop>) -> Result<Json<Value>, Refusal> {
    let warnings = ask(&to_loop, Request::Reload).await??;
    Ok(Json(json!({ "warnings": warnings })))
}

async fn detach(State(to_loop): State<Loop>) -> Result<Json<Value>, Refusal> {
    ask(&to_loop, Request::Detach).await??;
    Ok(Json(json!({})))
}

fn named(body: &[u8]) -> Result<MemberAt, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::BadRequest(format!(
            "{error}: send {{\"group\": \"GROUP\", \"member\": \"ADDR:PORT\"}}"
        ))
    })
}

async fn quiesce(state: State<Loop>, body: Bytes) -> Result<Json<Done>, Refusal> {
    operator(state, &body, true).await
}

async fn resume(state: State<Loop>, body: Bytes) -> Result<Json<Done>, Refusal> {
    operator(state, &body, false).await
}

async fn operator(
    State(to_loop): State<Loop>,
    body: &[u8],
    quiesced: bool,
) -> Result<Json<Done>, Refusal> {
    let member = named(body)?;
    let done = ask(&to_loop, |reply| Request::Operator(member, quiesced, reply)).await??;
    Ok(Json(done))
}

async fn quiesce_progress(state: State<Loop>, body: Bytes) -> Result<Json<Progress>, Refusal> {
    progress(state, &body, true).await
}

async fn resume_progress(state: State<Loop>, body: Bytes) -> Result<Json<Progress>, Refusal> {
    progress(state, &body, false).await
}

async fn progress(
    State(to_loop): State<Loop>,
    body: &[u8],
    quiesced: bool,
) -> Result<Json<Progress>, Refusal> {
    let member = named(body)?;
    let progress = ask(&to_loop, |reply| Request::Progress(member, quiesced, reply)).await??;
    Ok(Json(progress))
}
