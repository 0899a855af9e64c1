//! Routes: from HTTP to what is asked, and back.
//!
//! Reports of big tables, and the state file, take time: that is not taken from the tasks that serve balancers.

use std::sync::Arc;
use std::time::SystemTime;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;

use super::{Context, ROWS, ROWS_MAX, page};
use crate::config::{member_key, name};
use crate::control::openmetrics::CONTENT_TYPE;
use crate::control::{self, BODY_MAX};
use crate::gwm::metrics;
use crate::gwm::overrides::{Outcome, Wish};
use crate::gwm::sources::Scope as At;
use crate::sasp::gwm::{Gwm, Scope};
use crate::sasp::msg::Name;

/// Rows of the page for people.
const PAGE_ROWS: usize = 1_000;

type Shared = State<Arc<Context>>;

/// Why something was not answered or done.
#[derive(Debug)]
enum Refusal {
    /// It makes no sense.
    Bad(String),
    /// It was tried and failed.
    Failed(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Bad(reason) => control::refusal(StatusCode::BAD_REQUEST, &reason),
            Self::Failed(reason) => control::refusal(StatusCode::INTERNAL_SERVER_ERROR, &reason),
        }
    }
}

/// What anybody who reaches the TCP address may see.
pub(super) fn read_only(context: Arc<Context>) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .with_state(context)
}

/// Everything.
pub(super) fn all(context: Arc<Context>) -> Router {
    Router::new()
        .route("/set", post(set))
        .route("/auto", post(auto))
        .route("/quiesce", post(quiesce))
        .route("/resume", post(resume))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(from_fn(control::in_time))
        .with_state(Arc::clone(&context))
        .merge(read_only(context))
}

/// What is to be shown.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    uid: Option<String>,
    group: Option<String>,
    rows: Option<usize>,
}

/// A member as an operator names it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberAt {
    group: String,
    member: String,
    uid: Option<String>,
}

/// The same, with a weight.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Weight {
    group: String,
    member: String,
    uid: Option<String>,
    weight: u16,
}

/// Does what may take a while.
async fn work<T: Send + 'static>(
    context: Arc<Context>,
    work: impl FnOnce(&Context) -> T + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(move || work(&context)).await;
    done.map_err(|error| Refusal::Failed(format!("it was not finished: {error}")))
}

async fn status(
    State(context): Shared,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Refusal> {
    let Query(asked) = asked.map_err(|rejection| {
        Refusal::Bad(format!(
            "{}: ask with uid=, group= and rows=",
            rejection.body_text()
        ))
    })?;
    let scope = Scope {
        uid: asked
            .uid
            .as_deref()
            .map(|text| named("uid", text))
            .transpose()?,
        group: asked
            .group
            .as_deref()
            .map(|text| named("group", text))
            .transpose()?,
        rows: asked.rows.unwrap_or(ROWS).min(ROWS_MAX),
    };
    let json = work(context, move |context| {
        serde_json::to_vec(&context.status(&scope))
    })
    .await?;
    let json = json.map_err(|error| Refusal::Failed(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}

async fn page(State(context): Shared) -> Result<Html<String>, Refusal> {
    let scope = Scope {
        rows: PAGE_ROWS,
        ..Scope::EVERYTHING
    };
    let text = work(context, move |context| {
        page::render(&context.status(&scope))
    })
    .await?;
    Ok(Html(text))
}

async fn metrics(State(context): Shared) -> Result<Response, Refusal> {
    let text = work(context, metrics::of).await?;
    let text =
        text.map_err(|_| Refusal::Failed("the metrics cannot be written as text".to_owned()))?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// The state machine answers.
async fn healthz(State(context): Shared) -> Result<&'static str, Refusal> {
    work(context, |context| context.hub.look(Gwm::totals)).await?;
    Ok("ok\n")
}

async fn set(State(context): Shared, body: Bytes) -> Result<Json<Outcome>, Refusal> {
    let asked: Weight = decoded(&body, ", \"weight\": 0 to 65535")?;
    let at = at(&asked.group, &asked.member, asked.uid.as_deref())?;
    wish(context, at, Wish::Weight(asked.weight)).await
}

async fn auto(context: Shared, body: Bytes) -> Result<Json<Outcome>, Refusal> {
    wish_of_member(context, &body, Wish::Auto).await
}

async fn quiesce(context: Shared, body: Bytes) -> Result<Json<Outcome>, Refusal> {
    wish_of_member(context, &body, Wish::Quiesce).await
}

async fn resume(context: Shared, body: Bytes) -> Result<Json<Outcome>, Refusal> {
    wish_of_member(context, &body, Wish::Resume).await
}

async fn wish_of_member(
    State(context): Shared,
    body: &[u8],
    asked: Wish,
) -> Result<Json<Outcome>, Refusal> {
    let member: MemberAt = decoded(body, "")?;
    let at = at(&member.group, &member.member, member.uid.as_deref())?;
    wish(context, at, asked).await
}

async fn wish(context: Arc<Context>, at: At, wish: Wish) -> Result<Json<Outcome>, Refusal> {
    let granted = work(context, move |context| {
        let mut overrides = context.overrides();
        let shared = (&*context.sources, &*context.hub);
        overrides.wish(at, wish, shared, SystemTime::now())
    });
    granted.await?.map(Json).map_err(Refusal::Failed)
}

fn decoded<'a, T: Deserialize<'a>>(body: &'a [u8], more: &str) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| {
        Refusal::Bad(format!(
            "{error}: send {{\"group\": \"GROUP\", \"member\": \"ADDR:PORT\"{more}}}, with \"uid\" for one balancer only"
        ))
    })
}

fn at(group: &str, member: &str, uid: Option<&str>) -> Result<At, Refusal> {
    Ok(At {
        group: named("group", group)?,
        member: member_key::parse(member)
            .map_err(|error| Refusal::Bad(format!("member: {error}")))?,
        balancer: uid.map(|text| named("uid", text)).transpose()?,
    })
}

fn named(what: &str, text: &str) -> Result<Name, Refusal> {
    name::parse(text, Name::MAX)
        .map_err(|reason| Refusal::Bad(format!("{what}: {text:?} {reason}")))
}
