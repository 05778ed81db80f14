//! Whether other roles take a certificate, and why not.

use std::{io, sync::Arc, time::Duration};

use rustls::{
    CertificateError, Error, RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{ParsedCertificate, WebPkiClientVerifier},
};

use super::{Files, certificates, load, provider, roots};

/// Why other roles don't take a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A file can't be read or is none of its kind, or the key is not the certificate's.
    File,
    /// Its time is over or has not begun, or that of one between it and the authority.
    Time,
    /// None of the authorities has signed it.
    Authority,
    /// It is not for both ends of a connection, or wrong in another way.
    Kind,
}

/// Whether who believes the authorities of these files takes their certificate, at either end of a connection, `at` so
/// long after the beginning of 1970. For which names it is, is not looked at.
///
/// # Errors
/// Why not, and a sentence on it.
pub fn taken_at(files: &Files, at: Duration) -> Result<(), (Cause, String)> {
    let unread = |error: io::Error| (Cause::File, error.to_string());
    load(files).map_err(unread)?;
    let authorities = roots(&files.authorities).map_err(unread)?;
    let chain = certificates(&files.certificate).map_err(unread)?;
    let verified = verify(Arc::new(authorities), &chain, UnixTime::since_unix_epoch(at));
    verified.map_err(|error| (cause(&error), error.to_string()))
}

/// Whether the certificate of these files is there, and for this host: a name or an address.
pub fn is_for(files: &Files, host: &str) -> bool {
    let (Ok(chain), Ok(name)) = (certificates(&files.certificate), ServerName::try_from(host)) else { return false };
    let Some(first) = chain.first() else { return false };
    ParsedCertificate::try_from(first).is_ok_and(|parsed| verify_server_name(&parsed, &name).is_ok())
}

fn verify(authorities: Arc<RootCertStore>, chain: &[CertificateDer<'_>], at: UnixTime) -> Result<(), Error> {
    let (first, between) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
    let (parsed, algorithms) = (ParsedCertificate::try_from(first)?, provider().signature_verification_algorithms.all);
    verify_server_cert_signed_by_trust_anchor(&parsed, &authorities, between, at, algorithms)?;
    let verifier = WebPkiClientVerifier::builder_with_provider(authorities, provider()).build();
    let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
    verifier.verify_client_cert(first, between, at).map(|_| ())
}

fn cause(error: &Error) -> Cause {
    match error {
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => Cause::Time,
        // An authority of the same name with another key has signed nothing of it either.
        Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => Cause::Authority,
        _ => Cause::Kind,
    }
}
