//! TLS 1.3 between roles, by AES-256-GCM or CHACHA20-POLY1305 and nothing else: both sides show a certificate of the
//! deployment's authority. Certificates are read from files, and again when those change, so that they are renewed while
//! the node runs.

mod taken;

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{
            self,
            cipher_suite::{TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256},
        },
    },
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::{NoServerSessionStorage, WebPkiClientVerifier},
    version::TLS13,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub use taken::{Cause, is_for, taken_at};

/// How often the files are looked at, when there are connections.
const EVERY: Duration = Duration::from_secs(1);

/// The stream of whoever accepted.
pub type Accepted = tokio_rustls::server::TlsStream<TcpStream>;
/// The stream of whoever connected.
pub type Connected = tokio_rustls::client::TlsStream<TcpStream>;

/// Where the certificates are, as PEM.
#[derive(Clone, Debug)]
pub struct Files {
    /// The node's certificate, and those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose certificates are believed: two, while one takes over from the other.
    pub authorities: PathBuf,
}

impl Files {
    fn all(&self) -> [&Path; 3] {
        [&self.certificate, &self.key, &self.authorities]
    }
}

/// When a file was last written, and how long it is.
type Mark = Option<(SystemTime, u64)>;

struct Held {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    marks: [Mark; 3],
    looked: Instant,
}

/// Both ends of connections between roles.
pub struct Mutual {
    files: Files,
    held: Mutex<Held>,
}

impl fmt::Debug for Mutual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mutual({:?})", self.files)
    }
}

impl Mutual {
    /// With the certificates in these files.
    ///
    /// # Errors
    /// When a file can't be read or is none of its kind, or the key is not the certificate's.
    pub fn open(files: Files) -> io::Result<Self> {
        let marks = marks(&files);
        let (server, client) = load(&files)?;
        Ok(Self { files, held: Mutex::new(Held { server, client, marks, looked: Instant::now() }) })
    }

    /// What the files say now. What can't be used is passed over until it can: files are replaced one by one.
    fn current(&self) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.looked.elapsed() >= EVERY {
            held.looked = Instant::now();
            let marks = marks(&self.files);
            if marks != held.marks {
                match load(&self.files) {
                    Ok((server, client)) => {
                        *held = Held { server, client, marks, looked: held.looked };
                        tracing::info!("the certificates were read again");
                    }
                    Err(error) => tracing::warn!(%error, "the new certificates can't be used; the old ones are"),
                }
            }
        }
        (Arc::clone(&held.server), Arc::clone(&held.client))
    }

    /// Lets somebody in who shows a certificate of the authority.
    ///
    /// # Errors
    /// When they don't, or break off.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<Accepted> {
        TlsAcceptor::from(self.current().0).accept(stream).await
    }

    /// Shows our certificate to `host`, who has to have one of the authority for that name.
    ///
    /// # Errors
    /// When they don't, or break off.
    pub async fn connect(&self, host: &str, stream: TcpStream) -> io::Result<Connected> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|_| io::Error::other("that is no name of a host"))?;
        TlsConnector::from(self.current().1).connect(name, stream).await
    }
}

fn marks(files: &Files) -> [Mark; 3] {
    files.all().map(|path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

/// The suites that are spoken (A6), with everything else as it comes.
fn provider() -> Arc<CryptoProvider> {
    let cipher_suites = vec![TLS13_AES_256_GCM_SHA384, TLS13_CHACHA20_POLY1305_SHA256];
    Arc::new(CryptoProvider { cipher_suites, ..aws_lc_rs::default_provider() })
}

fn load(files: &Files) -> io::Result<(Arc<ServerConfig>, Arc<ClientConfig>)> {
    let named = |path: &Path, why: String| io::Error::other(format!("{}: {why}", path.display()));
    let chain = certificates(&files.certificate)?;
    let key = || PrivateKeyDer::from_pem_file(&files.key).map_err(|error| named(&files.key, error.to_string()));
    let roots = Arc::new(roots(&files.authorities)?);
    let wrong = |error: rustls::Error| named(&files.certificate, error.to_string());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), provider()).build();
    let verifier = verifier.map_err(|error| named(&files.authorities, error.to_string()))?;
    let server = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).map_err(wrong)?;
    let server = server.with_client_cert_verifier(verifier).with_single_cert(chain.clone(), key()?);
    let mut server = server.map_err(wrong)?;
    // Every connection is verified anew: nobody goes on by a ticket from before a change.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;
    let client = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).map_err(wrong)?;
    let client = client.with_root_certificates(roots).with_client_auth_cert(chain, key()?);
    let mut client = client.map_err(wrong)?;
    client.resumption = Resumption::disabled();
    Ok((Arc::new(server), Arc::new(client)))
}

fn roots(path: &Path) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(path)? {
        roots.add(authority).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let named = |why: String| io::Error::other(format!("{}: {why}", path.display()));
    let read = CertificateDer::pem_file_iter(path).map_err(|error| named(error.to_string()))?;
    let all: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| named(error.to_string()))?;
    if all.is_empty() { Err(named("there is no certificate".to_owned())) } else { Ok(all) }
}

#[cfg(test)]
mod tests;
