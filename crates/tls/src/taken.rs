//! Whether other roles take a certificate, and why not.

use std::{io, sync::Arc, time::Duration};

use rustls::{
    CertificateError, Error, RootCertStore,
    client::{verify_server_cert_signed_by_trust_anchor, verify_server_name},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{ParsedCertificate, WebPkiClientVerifier},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{Files, Mutual, certificates, load, provider, roots};

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

impl Mutual {
    /// Whether we and the role at `host` take each other's certificates. It may refuse ours after our part of the handshake
    /// (RFC 8446, section 4.4.2.4), so it is asked for something, whatever it answers.
    ///
    /// # Errors
    /// Why one is not taken, or that the other broke off.
    pub async fn meets(&self, host: &str, stream: TcpStream) -> io::Result<()> {
        let mut stream = self.connect(host, stream).await?;
        let request = format!("GET /livez HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        // Who has refused us does not take this any more; what they said of it can be read all the same.
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.flush().await;
        match stream.read(&mut [0; 1]).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
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
