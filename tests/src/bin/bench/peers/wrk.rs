//! HTTP load by wrk, and what its report says.

use std::net::SocketAddr;

use ::tests::lab::namespace::Namespace;
use anyhow::{Context as _, Result, bail, ensure};

/// Connections at a time.
const CONNECTIONS: &str = "64";
/// More errors than one in so many requests are a failure.
const ERRORS_ONE_IN: u64 = 100;

/// Requests per second to `/`; `args` are more of wrk's own.
pub(super) fn run(
    client: &Namespace,
    server: SocketAddr,
    seconds: u64,
    args: &[&str],
) -> Result<f64> {
    let (url, time) = (format!("http://{server}/"), format!("-d{seconds}s"));
    let mut all = vec!["-t1", "-c", CONNECTIONS, &time];
    all.extend(args);
    all.push(&url);
    let said = client.output("wrk", &all)?;
    rate(&said).with_context(|| format!("wrk said: {}", said.trim().replace('\n', "; ")))
}

/// What wrk's report says, if nearly all went well.
fn rate(report: &str) -> Result<f64> {
    let field = |name: &str| {
        let line = report
            .lines()
            .find_map(|line| line.trim().strip_prefix(name));
        line.map(str::trim)
    };
    if let Some(refused) = field("Non-2xx or 3xx responses:") {
        bail!("{refused} refused");
    }
    let rate: f64 = field("Requests/sec:").context("no rate")?.parse()?;
    let requests = report
        .lines()
        .find_map(|line| line.split_once(" requests in "));
    let (requests, _) = requests.context("no number of requests")?;
    let requests: u64 = requests.trim().parse()?;
    let errors: u64 = field("Socket errors:").map_or(0, numbers);
    // A stall of a busy machine is not the contender's.
    ensure!(
        errors * ERRORS_ONE_IN < requests,
        "{errors} errors in {requests} requests"
    );
    Ok(rate)
}

/// `connect 0, read 1, write 2, timeout 3`, added up.
fn numbers(counts: &str) -> u64 {
    let words = counts.split([' ', ',']);
    words.filter_map(|word| word.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(requests: u64, errors: &str) -> String {
        format!(
            "Running 3s test @ http://203.0.113.10/\n  1 threads and 64 connections\n  \
             {requests} requests in 3.00s, 2.00MB read\n{errors}\
             Requests/sec:   2345.67\nTransfer/sec:      0.89MB\n"
        )
    }

    #[test]
    fn a_good_report_gives_the_rate() {
        assert_eq!(rate(&report(7037, "")).unwrap(), 2345.67);
    }

    #[test]
    fn a_stalled_connection_is_no_failure_but_many_are() {
        let errors = "  Socket errors: connect 0, read 1, write 0, timeout 6\n";
        assert!(rate(&report(7037, errors)).is_ok());
        let error = rate(&report(500, errors)).unwrap_err().to_string();
        assert_eq!(error, "7 errors in 500 requests");
    }

    #[test]
    fn refusals_and_silence_are_failures() {
        assert!(rate(&report(7037, "  Non-2xx or 3xx responses: 12\n")).is_err());
        assert!(rate(&report(0, "")).is_err());
        assert!(rate("unable to connect").is_err());
    }
}
