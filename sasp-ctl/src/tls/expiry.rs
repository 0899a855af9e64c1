//! How long certificates last. Only warnings: whether an expired one is refused is the other side's handshake.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::parse_x509_certificate;
use x509_parser::time::ASN1Time;

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// Time enough to have a new one issued.
const WARN_DAYS: i64 = 30;

/// One line for each certificate of a file that has expired, will soon, or is not valid yet.
pub(super) fn warnings(path: &Path, certificates: &[CertificateDer<'_>]) -> Vec<String> {
    let now = ASN1Time::now().timestamp();
    certificates
        .iter()
        .filter_map(|der| {
            let (_, certificate) = parse_x509_certificate(der).ok()?;
            let validity = certificate.validity();
            let (from, until) = (validity.not_before, validity.not_after);
            let what = judge(from.timestamp(), until.timestamp(), now)?;
            let subject = certificate.subject();
            Some(format!(
                "{}: the certificate {subject} {what}",
                path.display()
            ))
        })
        .collect()
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
}
