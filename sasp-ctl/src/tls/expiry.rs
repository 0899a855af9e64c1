//! How long certificates last. Only warnings: whether an expired one is refused is the other side's handshake.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// Time enough to have a new one issued.
const WARN_DAYS: i64 = 30;
/// Lines about one file: a bundle may hold thousands of certificates.
const LINES_MAX: usize = 10;

/// One line for each certificate of a file that has expired, will soon, or is not valid yet, up to a limit.
pub(super) fn warnings(path: &Path, certificates: &[CertificateDer<'_>]) -> Vec<String> {
    let now = ASN1Time::now().timestamp();
    let lines = certificates.iter().filter_map(|der| {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        let validity = certificate.validity();
        let (from, until) = (validity.not_before, validity.not_after);
        let what = judge(from.timestamp(), until.timestamp(), now)?;
        let subject = certificate.subject();
        Some(format!(
            "{}: the certificate {subject} {what}",
            path.display()
        ))
    });
    limited(path, lines.collect())
}

/// The first lines, and how many there are more.
fn limited(path: &Path, mut lines: Vec<String>) -> Vec<String> {
    let more = lines.len().saturating_sub(LINES_MAX);
    lines.truncate(LINES_MAX);
    if more > 0 {
        let path = path.display();
        lines.push(format!(
            "{path}: {more} more certificates are not valid or expire within {WARN_DAYS} days"
        ));
    }
    lines
}

/// Seconds since 1970 each.
fn judge(from: i64, until: i64, now: i64) -> Option<String> {
    let days = until.saturating_sub(now) / DAY_SECONDS;
    if until < now {
        Some("has expired: renew it".to_owned())
    } else if now < from {
        Some("is not valid yet: check the clock, or wait".to_owned())
    } else if days < WARN_DAYS {
        Some(format!("expires in {days} days: renew it"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_warned_of_thirty_days_before_its_end() {
        let day = DAY_SECONDS;
        for (from, until, said) in [
            (0, 200 * day, None),
            (0, 131 * day, None),
            (0, 129 * day, Some("expires in 29 days: renew it")),
            (0, 100 * day, Some("expires in 0 days: renew it")),
            (0, 99 * day, Some("has expired: renew it")),
            (
                101 * day,
                900 * day,
                Some("is not valid yet: check the clock, or wait"),
            ),
        ] {
            assert_eq!(judge(from, until, 100 * day).as_deref(), said, "{until}");
        }
    }

    #[test]
    fn of_a_bundle_some_certificates_are_named_and_the_others_counted() {
        let path = Path::new("ca.pem");
        let lines = |count| vec!["old".to_owned(); count];
        assert_eq!(limited(path, lines(LINES_MAX)), lines(LINES_MAX));
        let limited = limited(path, lines(LINES_MAX + 7));
        assert_eq!(limited.len(), LINES_MAX + 1);
        assert!(limited[LINES_MAX].starts_with("ca.pem: 7 more certificates"));
    }
}
