//! Who gets in, and that certificates change while both ends run. The certificates are made here.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::{
    SupportedCipherSuite, SupportedProtocolVersion,
    crypto::aws_lc_rs::cipher_suite::{
        TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        TLS13_AES_128_GCM_SHA256,
    },
    pki_types::ServerName,
    version::TLS12,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for 127.0.0.1 in a folder, of this authority.
fn issue(dir: &TempDir, name: &str, by: &CertifiedIssuer<'static, KeyPair>) -> Files {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, by).unwrap();
    let at = |file: &str| dir.path().join(format!("{name}.{file}"));
    let files = Files { certificate: at("crt"), key: at("key"), authorities: at("ca") };
    std::fs::write(&files.certificate, certificate.pem()).unwrap();
    std::fs::write(&files.key, key.serialize_pem()).unwrap();
    std::fs::write(&files.authorities, by.as_ref().pem()).unwrap();
    files
}

/// Connects with `connect` and says something; what the other end heard, or why it heard nothing.
async fn hears<F, S>(server: &Mutual, connect: impl FnOnce(TcpStream) -> F) -> io::Result<Vec<u8>>
where
    F: Future<Output = io::Result<S>>,
    S: AsyncWriteExt + Unpin,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let said = async {
        let mut stream = connect(TcpStream::connect(address).await?).await?;
        stream.write_all(b"hello").await?;
        stream.shutdown().await
    };
    let heard = async {
        let mut stream = server.accept(listener.accept().await?.0).await?;
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).await?;
        Ok(heard)
    };
    let (said, heard) = tokio::join!(said, heard);
    heard.and_then(|heard| said.map(|()| heard))
}

#[tokio::test]
async fn both_ends_show_a_certificate_of_the_authority() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, other) = (authority(), authority());
    let server = Mutual::open(issue(&dir, "server", &ours)).unwrap();
    let client = Mutual::open(issue(&dir, "client", &ours)).unwrap();
    assert_eq!(hears(&server, |stream| client.connect("127.0.0.1", stream)).await.unwrap(), b"hello");

    let elsewhere = hears(&server, |stream| client.connect("localhost", stream)).await;
    assert!(elsewhere.is_err(), "a certificate is for its names only");

    // One of another authority, who believes ours: it is the certificate that is refused.
    let mut files = issue(&dir, "stranger", &other);
    files.authorities = dir.path().join("server.ca");
    let stranger = Mutual::open(files.clone()).unwrap();
    assert!(hears(&server, |stream| stranger.connect("127.0.0.1", stream)).await.is_err());
    // And the other way round.
    assert!(hears(&stranger, |stream| client.connect("127.0.0.1", stream)).await.is_err());

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(dir.path().join("server.ca")).unwrap()).unwrap();
    let nobody = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).unwrap();
    let nobody = TlsConnector::from(Arc::new(nobody.with_root_certificates(roots).with_no_client_auth()));
    let name = ServerName::try_from("127.0.0.1").unwrap();
    assert!(hears(&server, |stream| nobody.connect(name, stream)).await.is_err(), "without a certificate");
    assert!(hears(&server, |stream| async { Ok(stream) }).await.is_err(), "without TLS");
}

/// Both ends of somebody else's making, with these files: one suite of one version.
fn of_one_suite(
    files: &Files,
    suite: SupportedCipherSuite,
    version: &'static SupportedProtocolVersion,
) -> (Mutual, TlsConnector) {
    let provider = || Arc::new(CryptoProvider { cipher_suites: vec![suite], ..aws_lc_rs::default_provider() });
    let chain = || certificates(&files.certificate).unwrap();
    let key = || PrivateKeyDer::from_pem_file(&files.key).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&files.authorities).unwrap()).unwrap();
    let server = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[version]).unwrap();
    let server = Arc::new(server.with_no_client_auth().with_single_cert(chain(), key()).unwrap());
    let client = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[version]).unwrap();
    let client = client.with_root_certificates(roots).with_client_auth_cert(chain(), key()).unwrap();
    let client = Arc::new(client);
    let held = Held { server, client: Arc::clone(&client), marks: marks(files), looked: Instant::now() };
    (Mutual { files: files.clone(), held: Mutex::new(held) }, TlsConnector::from(client))
}

#[tokio::test]
async fn two_suites_of_tls_1_3_are_spoken_and_nothing_else() {
    let (dir, authority) = (tempfile::tempdir().unwrap(), authority());
    let ours = Mutual::open(issue(&dir, "ours", &authority)).unwrap();
    let files = issue(&dir, "theirs", &authority);
    for (suite, version, spoken) in [
        (TLS13_AES_256_GCM_SHA384, &TLS13, true),
        (TLS13_CHACHA20_POLY1305_SHA256, &TLS13, true),
        (TLS13_AES_128_GCM_SHA256, &TLS13, false),
        (TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, &TLS12, false),
        (TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, &TLS12, false),
    ] {
        let (server, client) = of_one_suite(&files, suite, version);
        let name = || ServerName::try_from("127.0.0.1").unwrap();
        let among = hears(&server, |stream| client.connect(name(), stream)).await;
        assert!(among.is_ok(), "{suite:?} among themselves: {among:?}");
        let to_us = hears(&ours, |stream| client.connect(name(), stream)).await;
        assert_eq!(to_us.is_ok(), spoken, "{suite:?} by who calls us: {to_us:?}");
        let to_them = hears(&server, |stream| ours.connect("127.0.0.1", stream)).await;
        assert_eq!(to_them.is_ok(), spoken, "{suite:?} by whom we call: {to_them:?}");
    }
}

#[tokio::test]
async fn certificates_change_while_both_ends_run() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (authority(), authority());
    let server = Mutual::open(issue(&dir, "server", &old)).unwrap();
    let client = Mutual::open(issue(&dir, "client", &old)).unwrap();
    let meets = || hears(&server, |stream| client.connect("127.0.0.1", stream));
    assert!(meets().await.is_ok());
    // Half of a change: the key is not the certificate's. The old one is used until the rest is there.
    let before = std::fs::read(dir.path().join("server.key")).unwrap();
    std::fs::write(dir.path().join("server.key"), KeyPair::generate().unwrap().serialize_pem() + "\n").unwrap();
    tokio::time::sleep(EVERY).await;
    assert!(meets().await.is_ok());
    std::fs::write(dir.path().join("server.key"), before).unwrap();

    // Another authority takes over on one end first: they don't meet, until the other follows.
    issue(&dir, "server", &new);
    tokio::time::sleep(EVERY).await;
    assert!(meets().await.is_err());
    issue(&dir, "client", &new);
    tokio::time::sleep(EVERY).await;
    assert!(meets().await.is_ok());
}

#[test]
fn what_is_no_certificate_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let files = issue(&dir, "node", &authority());
    for wrong in ["", "not a certificate"] {
        std::fs::write(&files.authorities, wrong).unwrap();
        assert!(Mutual::open(files.clone()).unwrap_err().to_string().contains("node.ca"));
    }
    std::fs::remove_file(&files.key).unwrap();
    assert!(Mutual::open(files).is_err());
}

#[test]
fn why_a_certificate_is_not_taken_is_told() {
    let (dir, ours, now) = (tempfile::tempdir().unwrap(), authority(), Duration::from_secs(1_800_000_000));
    let files = issue(&dir, "node", &ours);
    taken_at(&files, now).unwrap();
    assert!(is_for(&files, "127.0.0.1") && !is_for(&files, "127.0.0.2") && !is_for(&files, "no name"));
    let cause = |at: Duration| taken_at(&files, at).unwrap_err().0;
    assert_eq!(cause(Duration::ZERO), Cause::Time, "it is of 1975");
    std::fs::write(&files.authorities, authority().as_ref().pem()).unwrap();
    assert_eq!(cause(now), Cause::Authority);
    std::fs::write(&files.authorities, ours.as_ref().pem()).unwrap();
    for one_end in [ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth] {
        let (key, mut params) = (KeyPair::generate().unwrap(), CertificateParams::new(Vec::new()).unwrap());
        params.extended_key_usages = vec![one_end];
        std::fs::write(&files.certificate, params.signed_by(&key, &ours).unwrap().pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
        assert_eq!(cause(now), Cause::Kind);
    }
    std::fs::remove_file(&files.key).unwrap();
    assert_eq!(cause(now), Cause::File);
}

/// What `caller` hears when it meets a role that answers whoever it lets in.
async fn met(role: &Mutual, caller: &Mutual, host: &str) -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let stream = TcpStream::connect(listener.local_addr()?).await?;
    let answers = async {
        let Ok((stream, _)) = listener.accept().await else { return };
        if let Ok(mut stream) = role.accept(stream).await {
            let _ = stream.read(&mut [0; 256]).await;
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await;
            let _ = stream.shutdown().await;
        }
    };
    tokio::join!(caller.meets(host, stream), answers).0
}

#[tokio::test]
async fn who_meets_a_role_hears_whether_both_certificates_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let (ours, other) = (authority(), authority());
    let role = Mutual::open(issue(&dir, "role", &ours)).unwrap();
    let friend = Mutual::open(issue(&dir, "friend", &ours)).unwrap();
    met(&role, &friend, "127.0.0.1").await.unwrap();
    assert!(met(&role, &friend, "localhost").await.is_err(), "it is for its names only");
    let mut files = issue(&dir, "stranger", &other);
    let stranger = Mutual::open(files.clone()).unwrap();
    assert!(met(&role, &stranger, "127.0.0.1").await.is_err(), "the stranger does not believe the role");
    files.authorities = dir.path().join("role.ca");
    let stranger = Mutual::open(files).unwrap();
    assert!(met(&role, &stranger, "127.0.0.1").await.is_err(), "the role does not believe the stranger");
}
