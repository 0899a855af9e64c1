//! From a certificate to the names and addresses in it.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::sasp::gwm::Identity;

/// Who a certificate is for; `None` if that cannot be read. Whether the certificate is good is not asked here.
///
/// Names of other kinds (e-mail, URI, directory) are left out, and those that are no text.
pub(super) fn identity(certificate: &CertificateDer<'_>) -> Option<Identity> {
    let (_, certificate) = parse_x509_certificate(certificate).ok()?;
    let mut identity = Identity::default();
    for name in certificate.subject().iter_common_name() {
        if let Ok(text) = name.as_str() {
            identity.names.push(text.to_owned());
        }
    }
    let alternatives = certificate.subject_alternative_name().ok()?;
    for name in alternatives
        .iter()
        .flat_map(|names| &names.value.general_names)
    {
        match name {
            GeneralName::DNSName(text) => identity.names.push((*text).to_owned()),
            GeneralName::IPAddress(bytes) => identity.addresses.extend(address(bytes)),
            _ => {}
        }
    }
    Some(identity)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
