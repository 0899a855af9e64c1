//! Questions to a Prometheus server: one instant query, whose answer may only be so long.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};

use crate::config::file;
use crate::gwm::sources::prometheus::{Sample, parse};
use crate::gwm::sources::rule::{Auth, Prometheus};

/// Some ten thousand samples.
const BODY_MAX: usize = 8 << 20;
/// Longer than intervals usually are, so that one connection serves.
const KEEP: Duration = Duration::from_secs(90);

pub(super) struct Server<'a> {
    rule: &'a Prometheus,
    /// Made when it is needed first; a failure is tried again.
    client: Option<Client>,
}

impl<'a> Server<'a> {
    pub(super) fn new(rule: &'a Prometheus) -> Self {
        Self { rule, client: None }
    }

    /// # Errors
    /// If the server cannot be asked, or its answer is no vector.
    pub(super) async fn ask(&mut self) -> Result<Vec<Sample>, String> {
        let client = match &self.client {
            Some(client) => client.clone(),
            None => self.client.insert(client(self.rule)?).clone(),
        };
        let url = format!("{}/api/v1/query", self.rule.url);
        let request = client.get(&url).query(&[("query", &self.rule.query)]);
        let request = authorized(request, &self.rule.auth).await?;
        let broken = |error| format!("{url}: {}", explain(error));
        let mut response = request.send().await.map_err(broken)?;
        let body = body(&mut response)
            .await
            .map_err(|why| format!("{url}: {why}"))?;
        let status = response.status();
        // Prometheus says in JSON why a query fails; what stands before it says only that something does.
        match parse(&body, &self.rule.label) {
            Err(_) if !status.is_success() && !body.starts_with(b"{") => {
                Err(format!("{url} answers with status {}", status.as_u16()))
            }
            parsed => parsed.map_err(|why| format!("{url}: {why}")),
        }
    }
}

fn client(rule: &Prometheus) -> Result<Client, String> {
    Client::builder()
        .timeout(rule.pace.timeout)
        .pool_idle_timeout(KEEP)
        // Who is asked stands in the rule, and nowhere else: tokens go to nobody else.
        .redirect(Policy::none())
        .no_proxy()
        .user_agent(concat!("sasp-ctl/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(explain)
}

async fn authorized(request: RequestBuilder, auth: &Auth) -> Result<RequestBuilder, String> {
    Ok(match auth {
        Auth::Nobody => request,
        Auth::Bearer(path) => request.bearer_auth(secret(path).await?),
        Auth::Basic(user, path) => request.basic_auth(user, Some(secret(path).await?)),
    })
}

/// What stands in a file, without white space around it.
async fn secret(path: &Path) -> Result<String, String> {
    let owned: PathBuf = path.to_owned();
    let read = tokio::task::spawn_blocking(move || file::read(&owned, "write it there"));
    let read = read.await.map_err(|error| error.to_string())?;
    let text = read.map_err(|why| format!("{} {why}", path.display()))?;
    Ok(text.trim().to_owned())
}

async fn body(response: &mut Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(explain)? {
        if body.len() + chunk.len() > BODY_MAX {
            return Err(format!(
                "the answer is longer than {} MiB: let the query select less",
                BODY_MAX >> 20
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with its causes, in one line, without the whole query.
fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
